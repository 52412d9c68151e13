/// When a run looks at the spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Look {
    /// Every so many steps, from the step 0 on; 0: never.
    Every(u64),
    /// At the first step, and again whenever the run has spent so much since that all measurements together take this share of its cost, or
    /// less. Both are counted in evaluations of the loss, so that it is the same steps on any machine.
    Share(f64),
}

impl Look {
    /// That of a run for which nothing is said: a tenth.
    pub const USUAL: Self = Self::Share(0.1);

    /// Whether the step `number` is one at which to measure, where the run has spent `cost`, and the last measurement allows the `next` one from so
    /// much on.
    pub(crate) fn is_due(self, number: u64, cost: f64, next: f64) -> bool {
        match self {
            Self::Every(steps) => steps > 0 && number.is_multiple_of(steps),
            Self::Share(_) => cost >= next,
        }
    }

    /// From what cost of the run on it may be measured again, when it cost `price` at `cost`.
    pub(crate) fn next(self, cost: f64, price: f64) -> f64 {
        match self {
            Self::Every(_) => 0.0,
            Self::Share(share) => cost + price / share,
        }
    }

    /// The steps of `Every`.
    pub(crate) fn steps(self) -> Option<u64> {
        match self {
            Self::Every(steps) => Some(steps),
            Self::Share(_) => None,
        }
    }
}
