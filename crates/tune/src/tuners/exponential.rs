use onedge_registry::{Default, Entry, Error, Kind, Settings, setting};

use super::{Make, Schedule, factor, rate, steps};

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
    pub fn new(rate: f64, factor: f64, period: u64) -> Self {
        Self { rate, factor, period }
    }

    fn from_settings(settings: &Settings) -> Result<Self, Error> {
        Ok(Self::new(rate(settings)?, factor(settings)?, steps(settings, "period")?))
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let schedule = Exponential::new(3.0, 0.25, 10);
        for (step, expected) in [(0, 3.0), (5, 1.5), (10, 0.75), (20, 0.1875)] {
            assert!((schedule.rate_at(step) - expected).abs() < 1e-14);
        }
    }
}
