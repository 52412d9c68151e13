use onedge_registry::{Default, Error, Kind, Setting, Settings, setting};

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
    setting("warmup", Kind::Number, Default::Is("0.1"), "share of the horizon that the warm-up takes, in [0, 1)"),
];

impl Warmup {
    /// A rise to `rate` over the share `warmup` (0 or more, less than 1) of `horizon` steps, rounded to whole steps.
    pub fn new(rate: f64, horizon: u64, warmup: f64) -> Self {
        Self { rate, horizon, warmup_steps: (warmup * horizon as f64).round() as u64 }
    }

    pub(super) fn from_settings(settings: &Settings) -> Result<Self, Error> {
        let rate = super::rate(settings)?;
        let horizon = super::steps(settings, "horizon")?;
        let warmup = settings.number_where("warmup", "a number in [0, 1)", |share| (0.0..1.0).contains(&share))?;
        Ok(Self::new(rate, horizon, warmup))
    }

    /// The rate that the rise ends at.
    pub fn peak(&self) -> f64 {
        self.rate
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
