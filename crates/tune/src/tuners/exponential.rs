use onedge_registry::{Default, Entry, Error, Kind, Settings, setting};

use super::make::Make;
use super::schedule::Schedule;
use crate::Foresight;
use crate::bounds::{FACTOR, RATE, from_one};
use crate::foresight::VANISHED;

/// Exponential decay, `eta = rate factor^(t / period)`.
///
/// Source: as Optax's `exponential_decay`. Differs from the paper: not compared there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    rate: f64,
    factor: f64,
    period: u64,
}

impl Exponential {
    /// From `rate`, times `factor` (positive, at most 1) in every `period` of at least one step, smoothly.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(rate: f64, factor: f64, period: u64) -> Result<Self, Error> {
        let (rate, factor) = (RATE.check("exponential", "rate", rate)?, FACTOR.check("exponential", "factor", factor)?);
        Ok(Self { rate, factor, period: from_one("exponential", "period", period)? })
    }

    fn from_settings(settings: &Settings) -> Result<Self, Error> {
        Self::new(settings.number("rate"), settings.number("factor"), settings.count("period")? as u64)
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "exponential",
    summary: "exponential decay",
    doc: "eta = rate factor^(t / period).",
    settings: &[
        setting("rate", Kind::Number, Default::Required, "the first rate"),
        setting("factor", Kind::Number, Default::Required, "what a period multiplies the rate by, in (0, 1]"),
        setting("period", Kind::Integer, Default::Is("1"), "steps of a period"),
    ],
    build: |settings| Ok(Box::new(Exponential::from_settings(settings)?)),
};

impl Schedule for Exponential {
    const NAME: &'static str = "exponential";

    fn rate_at(&self, step: u64) -> f64 {
        self.rate * self.factor.powf(step as f64 / self.period as f64)
    }

    fn misfit(&self, steps: u64) -> Option<Foresight> {
        let from = (VANISHED.ln() / self.factor.ln() * self.period as f64).ceil();
        (self.factor < 1.0 && from < steps as f64).then_some(Foresight::Vanishes { from: from as u64, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let schedule = Exponential::new(3.0, 0.25, 10).unwrap();
        for (step, expected) in [(0, 3.0), (5, 1.5), (10, 0.75), (20, 0.1875)] {
            assert!((schedule.rate_at(step) - expected).abs() < 1e-14);
        }
    }

    /// A fiftieth in 3 steps is a 1e8th after 3 ln(1e8) / ln(50) = 14.1.
    #[test]
    fn a_rate_that_vanishes_is_foreseen() {
        let schedule = Exponential::new(0.7, 0.02, 3).unwrap();
        assert_eq!(schedule.misfit(15), None);
        assert_eq!(schedule.misfit(50), Some(Foresight::Vanishes { from: 15, steps: 50 }));
        assert_eq!(Exponential::new(0.7, 1.0, 3).unwrap().misfit(u64::MAX), None);
    }
}
