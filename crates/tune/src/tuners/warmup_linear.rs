use onedge_registry::{Entry, Error as SettingError};

use super::make::Make;
use super::schedule::Schedule;
use super::warmup::{Phase, SETTINGS, Warmup};
use crate::Foresight;

/// Linear warm-up, then a linear fall to zero.
///
/// `eta = rate t / W` for the first W steps, then `rate (1 - s)` with `s = (t - W) / (N - W)`; zero beyond the horizon
/// N.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, figure 19, warm-up 5, 10 or 20 % of the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupLinear(Warmup);

impl WarmupLinear {
    /// After this warm-up.
    pub fn new(warmup: Warmup) -> Self {
        Self(warmup)
    }

    /// Peak `rate` and a horizon in steps, the first tenth of it warm-up.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn paper(rate: f64, horizon: u64) -> Result<Self, SettingError> {
        Ok(Self(Warmup::tenth(Self::NAME, rate, horizon)?))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "warmup-linear",
    summary: "linear warm-up, then linear decay to zero",
    doc: "eta = rate t / W for t < W = warmup * horizon (rounded to the nearest whole step, a half up), then rate (1 - (t - W)/(N - W)), zero beyond the horizon N.",
    settings: SETTINGS,
    build: |settings| Ok(Box::new(WarmupLinear(Warmup::from_settings(WarmupLinear::NAME, settings)?))),
};

impl Schedule for WarmupLinear {
    const NAME: &'static str = "warmup-linear";

    fn rate_at(&self, step: u64) -> f64 {
        match self.0.phase(step) {
            Phase::Rising(rate) => rate,
            Phase::After(over) => self.0.peak() * (1.0 - over),
        }
    }

    fn misfit(&self, steps: u64) -> Option<Foresight> {
        self.0.coming_down(steps, self.rate_at(steps))
    }
}

#[cfg(test)]
#[path = "../../tests/unit/warmup_linear.rs"]
mod tests;
