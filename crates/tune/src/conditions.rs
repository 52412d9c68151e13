/// What is known of a run before its first step, as far as the trainer was told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// c in "edge of stability at sharpness = c / eta", as the optimizer states it
    /// ([`Optimizer::edge`](crate::Optimizer::edge)): it tells how much momentum there is. `None` if it states none.
    pub edge: Option<f64>,
    /// Whether every step sees all examples; false where nobody said so, as mini-batches ask for more caution.
    pub full_batch: bool,
    /// The number of steps that the run is to have, if it is to have one.
    pub steps: Option<u64>,
}

impl Conditions {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { edge: None, full_batch: false, steps: None };
}
