use onedge_registry::{Default, Entry, Error as SettingError, Kind, setting};

use super::make::Make;
use super::schedule::Schedule;
use crate::bounds::RATE;

/// The same rate at every step: the baseline, tuned over a grid in the paper.
///
/// Non-descent directions and negative curvature go unnoticed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    rate: f64,
}

impl Constant {
    /// The rate `rate`, finite, 0 or more.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(rate: f64) -> Result<Self, SettingError> {
        Ok(Self { rate: RATE.check("constant", "rate", rate)? })
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "constant",
    summary: "the same rate at every step",
    doc: "eta = rate. Looks at nothing: non-descent directions and negative curvature go unnoticed.",
    settings: &[setting("rate", Kind::Number, Default::Required, "the learning rate")],
    build: |settings| Ok(Box::new(Constant::new(settings.number("rate"))?)),
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
        assert_eq!([0, 1, 1000].map(|step| Constant::new(0.25).unwrap().rate_at(step)), [0.25; 3]);
    }
}
