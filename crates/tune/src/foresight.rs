/// What a rule will do over a run of so many steps that its settings can hardly mean, told before the first step:
/// [`Tuner::foresee`](crate::Tuner::foresee), [`Optimizer::foresee`](crate::Optimizer::foresee).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Foresight {
    /// The schedule comes down to 0 and is over before the run is: no later step moves anything.
    Over {
        /// Its length in steps, the setting `horizon`.
        horizon: u64,
        /// Steps of the run.
        steps: u64,
    },
    /// The rate falls below a 1e8th of its first value, which changes no digit of a number in single precision.
    Vanishes {
        /// The first such step.
        from: u64,
        /// Steps of the run.
        steps: u64,
    },
    /// The run ends in the warm-up, or just after it, so it never trains at the rate asked for.
    Rising {
        /// Its length in steps.
        warmup: u64,
        /// The setting that its length follows from.
        key: &'static str,
        /// Steps of the run.
        steps: u64,
    },
    /// The run ends while the rate still has most of its way down to 0 before it.
    CutOff {
        /// The length of the schedule in steps, the setting `horizon`.
        horizon: u64,
        /// The rate after the last step, as a share of the peak.
        share: f64,
        /// Steps of the run.
        steps: u64,
    },
    /// The rate is to be cut every so many steps, and the run ends before that.
    Uncut {
        /// The setting `period`.
        period: u64,
        /// Steps of the run.
        steps: u64,
    },
}

/// A rate below this share of the first one moves no parameter in single precision.
pub(crate) const VANISHED: f64 = 1e-8;
/// A run that ends at more than this share of the peak was to come down and did not.
pub(crate) const DOWN: f64 = 0.1;

impl Foresight {
    /// The setting that it is about.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Over { .. } | Self::CutOff { .. } => "horizon",
            Self::Vanishes { .. } => "factor",
            Self::Rising { key, .. } => key,
            Self::Uncut { .. } => "period",
        }
    }

    /// What will happen.
    pub fn problem(&self) -> String {
        match self {
            Self::Over { horizon, steps } => {
                let rest = steps - horizon;
                let still = if rest == 1 { "the last step".to_owned() } else { format!("the last {rest} steps") };
                format!("the schedule ends at step {horizon} of {steps}, so the rate is 0 at {still}")
            }
            Self::Vanishes { from, steps } => {
                format!("the rate is below 1e-8 of its first value from step {from} of {steps} on, so nothing moves")
            }
            Self::Rising { warmup, steps, .. } => {
                format!("the warm-up takes {warmup} steps and the run has {steps}, so its rate is never reached")
            }
            Self::CutOff { horizon, share, steps } => format!(
                "the run ends at step {steps} of a schedule of {horizon}, when the rate is still {:.0} % of its peak",
                100.0 * share
            ),
            Self::Uncut { period, steps } => {
                format!("the rate is first cut at step {period} and the run has {steps}, so it never is")
            }
        }
    }

    /// What to try in a run that has not begun; keys begin with `section`.
    pub fn remedy(&self, section: &str) -> String {
        match self {
            Self::Over { steps, .. } | Self::CutOff { steps, .. } | Self::Rising { key: "horizon", steps, .. } => {
                format!("try `{section}.horizon = {steps}`")
            }
            Self::Vanishes { .. } => format!("try a `{section}.factor` nearer to 1 or a larger `{section}.period`"),
            Self::Rising { key, .. } => format!("try a smaller `{section}.{key}` or more steps"),
            Self::Uncut { .. } => format!("try a smaller `{section}.period` or more steps"),
        }
    }
}
