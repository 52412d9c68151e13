use onedge_registry::{Default, Entry, Kind, setting};

use super::{Make, Schedule, rate};

/// The same rate at every step: the baseline, tuned over a grid in the paper.
///
/// Non-descent directions and negative curvature go unnoticed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    rate: f64,
}

impl Constant {
    /// The rate `rate`.
    pub fn new(rate: f64) -> Self {
        Self { rate }
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "constant",
    summary: "the same rate at every step",
    doc: "eta = rate. Looks at nothing: non-descent directions and negative curvature go unnoticed.",
    settings: &[setting("rate", Kind::Number, Default::Required, "the learning rate")],
    build: |settings| Ok(Box::new(Constant::new(rate(settings)?))),
};

impl Schedule for Constant {
    const NAME: &'static str = "constant";

    fn rate_at(&self, _: u64) -> f64 {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!([0, 1, 1000].map(|step| Constant::new(0.25).rate_at(step)), [0.25; 3]);
    }
}
