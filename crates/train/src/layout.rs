/// The name and shape of one tensor; tensors lie in the flat parameter vector one after the other, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// `layers.0.weight`
    pub name: String,
    /// `[in, out]`
    pub shape: Vec<usize>,
}

impl Layout {
    /// The number of elements.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }
}
