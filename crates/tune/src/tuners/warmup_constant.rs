use onedge_registry::{Entry, Error as SettingError};

use super::make::Make;
use super::schedule::Schedule;
use super::warmup::{Phase, SETTINGS, Warmup};
use crate::Foresight;

/// Linear warm-up, then constant.
///
/// `eta = rate t / W` for the first W steps, then `rate`, beyond the horizon too.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, figure 19, warm-up 5, 10 or 20 % of the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupConstant(Warmup);

impl WarmupConstant {
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
    name: "warmup-constant",
    summary: "linear warm-up, then constant",
    doc: "eta = rate t / W for t < W = warmup * horizon (rounded to the nearest whole step, a half up), then rate, beyond the horizon too.",
    settings: SETTINGS,
    build: |settings| Ok(Box::new(WarmupConstant(Warmup::from_settings(WarmupConstant::NAME, settings)?))),
};

impl Schedule for WarmupConstant {
    const NAME: &'static str = "warmup-constant";

    fn rate_at(&self, step: u64) -> f64 {
        match self.0.phase(step) {
            Phase::Rising(rate) => rate,
            Phase::After(_) => self.0.peak(),
        }
    }

    fn misfit(&self, steps: u64) -> Option<Foresight> {
        self.0.rising(steps)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/warmup_constant.rs"]
mod tests;
