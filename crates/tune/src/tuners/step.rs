use onedge_registry::{Default, Entry, Error, Kind, Settings, setting};

use super::make::Make;
use super::schedule::Schedule;
use crate::Foresight;
use crate::bounds::{FACTOR, RATE, from_one};
use crate::foresight::VANISHED;

/// Step decay, `eta = rate factor^floor(t / period)`.
///
/// Source: as PyTorch's `StepLR`. Differs from the paper: not compared there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepDecay {
    rate: f64,
    factor: f64,
    period: u64,
}

impl StepDecay {
    /// From `rate`, times `factor` (positive, at most 1) after every `period` of at least one step, at once.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(rate: f64, factor: f64, period: u64) -> Result<Self, Error> {
        let (rate, factor) = (RATE.check("step", "rate", rate)?, FACTOR.check("step", "factor", factor)?);
        Ok(Self { rate, factor, period: from_one("step", "period", period)? })
    }

    fn from_settings(settings: &Settings) -> Result<Self, Error> {
        Self::new(settings.number("rate"), settings.number("factor"), settings.count("period")? as u64)
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "step",
    summary: "constant, cut by a factor at regular steps",
    doc: "eta = rate factor^floor(t / period).",
    settings: &[
        setting("rate", Kind::Number, Default::Required, "the first rate"),
        setting("factor", Kind::Number, Default::Is("0.1"), "what each cut multiplies the rate by, in (0, 1]"),
        setting("period", Kind::Integer, Default::Required, "steps between cuts"),
    ],
    build: |settings| Ok(Box::new(StepDecay::from_settings(settings)?)),
};

impl Schedule for StepDecay {
    const NAME: &'static str = "step";

    fn rate_at(&self, step: u64) -> f64 {
        self.rate * self.factor.powf((step / self.period) as f64)
    }

    fn misfit(&self, steps: u64) -> Option<Foresight> {
        let &Self { factor, period, .. } = self;
        // At a factor of 1 nothing is to be cut.
        if factor >= 1.0 {
            return None;
        }
        if steps <= period {
            return Some(Foresight::Uncut { period, steps });
        }
        let from = (VANISHED.ln() / factor.ln()).ceil() * period as f64;
        (from < steps as f64).then_some(Foresight::Vanishes { from: from as u64, steps })
    }
}

#[cfg(test)]
#[path = "../../tests/unit/step.rs"]
mod tests;
