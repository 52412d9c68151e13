use onedge_registry::{Default, Error, Kind, Setting, Settings, setting};

use crate::Foresight;
use crate::bounds::{DECAY_RATE, RATE, from_one};
use crate::foresight::DOWN;

/// A linear rise from 0 to the peak over the first steps of a horizon, shared by the schedules that begin with one.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, figure 19; rate 0 at step 0, as Optax has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warmup {
    rate: f64,
    horizon: u64,
    warmup_steps: u64,
}

/// Where in a schedule a step lies.
pub(super) enum Phase {
    /// In the warm-up: the rate there.
    Rising(f64),
    /// After it: the share of the remaining horizon that is over, 0 to 1.
    After(f64),
}

pub(super) const SETTINGS: &[Setting] = &[
    setting("rate", Kind::Number, Default::Required, "the peak rate"),
    setting("horizon", Kind::Integer, Default::Required, "steps of the whole schedule"),
    setting(
        "warmup",
        Kind::Number,
        Default::Is("0.1"),
        "share of the horizon that the warm-up takes, in [0, 1), rounded to whole steps",
    ),
];

impl Warmup {
    /// A rise to `rate` over the share `warmup` (0 or more, less than 1) of `horizon` steps, 1 or more, rounded to whole
    /// steps as [`steps_of`](Self::steps_of) does.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(rate: f64, horizon: u64, warmup: f64) -> Result<Self, Error> {
        Self::checked("warmup", rate, horizon, warmup)
    }

    /// The steps of a warm-up over the share `warmup` of `horizon` steps: the nearest whole number, of two the larger one.
    pub fn steps_of(horizon: u64, warmup: f64) -> u64 {
        (warmup * horizon as f64).round() as u64
    }

    pub(super) fn from_settings(owner: &str, settings: &Settings) -> Result<Self, Error> {
        Self::checked(owner, settings.number("rate"), settings.count("horizon")? as u64, settings.number("warmup"))
    }

    /// The first tenth of the horizon.
    pub(super) fn tenth(owner: &str, rate: f64, horizon: u64) -> Result<Self, Error> {
        Self::checked(owner, rate, horizon, 0.1)
    }

    /// `owner` names the schedule in errors.
    fn checked(owner: &str, rate: f64, horizon: u64, warmup: f64) -> Result<Self, Error> {
        let (rate, horizon) = (RATE.check(owner, "rate", rate)?, from_one(owner, "horizon", horizon)?);
        let warmup = DECAY_RATE.check(owner, "warmup", warmup)?;
        Ok(Self { rate, horizon, warmup_steps: Self::steps_of(horizon, warmup) })
    }

    /// The rate that the rise ends at.
    pub fn peak(&self) -> f64 {
        self.rate
    }

    /// Of a run that ends in the warm-up.
    pub(super) fn rising(&self, steps: u64) -> Option<Foresight> {
        let Self { warmup_steps: warmup, .. } = *self;
        (warmup > 0 && steps <= warmup).then_some(Foresight::Rising { warmup, key: "horizon", steps })
    }

    /// Of a schedule that comes down to 0 at its horizon, and whose rate after the run is `end`.
    pub(super) fn coming_down(&self, steps: u64, end: f64) -> Option<Foresight> {
        let Self { horizon, rate, .. } = *self;
        let share = end / rate;
        match self.rising(steps) {
            None if rate > 0.0 && steps > horizon => Some(Foresight::Over { horizon, steps }),
            None if share > DOWN => Some(Foresight::CutOff { horizon, share, steps }),
            rising => rising,
        }
    }

    pub(super) fn phase(&self, step: u64) -> Phase {
        if step < self.warmup_steps {
            return Phase::Rising(self.rate * step as f64 / self.warmup_steps as f64);
        }
        let rest = self.horizon.saturating_sub(self.warmup_steps);
        let over = (step - self.warmup_steps) as f64 / rest.max(1) as f64;
        Phase::After(over.min(1.0))
    }
}
