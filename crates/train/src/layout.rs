use onedge_objective::Layer;

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

    /// The same tensors with their places in the flat vector.
    pub fn layers(layouts: &[Self]) -> Vec<Layer> {
        Layer::in_order(layouts.iter().map(|layout| (layout.name.as_str(), layout.shape.clone())))
    }
}
