use crate::Shape;

/// What is added round a tensor, or cut from it, along each axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Margins {
    /// Elements before the first, axis by axis.
    pub before: Vec<usize>,
    /// Elements after the last.
    pub after: Vec<usize>,
    /// What fills them, by its bits; 0 where margins are cut.
    pub fill: u64,
}

impl Margins {
    /// Margins of zeros along one axis of a tensor of rank `rank`.
    pub fn along(rank: usize, axis: usize, before: usize, after: usize) -> Self {
        let place = |extent: usize| (0..rank).map(|i| if i == axis { extent } else { 0 }).collect();
        Self { before: place(before), after: place(after), fill: 0f64.to_bits() }
    }

    /// The same, filled with `value`.
    pub fn filled(self, value: f64) -> Self {
        Self { fill: value.to_bits(), ..self }
    }

    /// What fills them.
    pub fn value(&self) -> f64 {
        f64::from_bits(self.fill)
    }

    /// The shape of a tensor of `shape` with the margins added; `None` if the ranks differ or an extent has no number.
    pub fn grow(&self, shape: &Shape) -> Option<Shape> {
        if self.before.len() != shape.rank() || self.after.len() != shape.rank() {
            return None;
        }
        let extent = |axis: usize| self.before[axis].checked_add(shape[axis])?.checked_add(self.after[axis]);
        (0..shape.rank()).map(extent).collect::<Option<Vec<_>>>().map(Shape::from)
    }

    /// The shape of a tensor of `shape` with the margins cut off; `None` if they do not fit.
    pub fn shrink(&self, shape: &Shape) -> Option<Shape> {
        if self.before.len() != shape.rank() || self.after.len() != shape.rank() {
            return None;
        }
        let extent = |axis: usize| shape[axis].checked_sub(self.before[axis])?.checked_sub(self.after[axis]);
        (0..shape.rank()).map(extent).collect::<Option<Vec<_>>>().map(Shape::from)
    }
}
