use std::fmt;

use onedge_text::table::number;
use serde::{Deserialize, Serialize};

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum StopReason {
    /// All steps were taken.
    StepsDone,
    /// The loss fell to the target.
    TargetReached {
        /// The step at which it did.
        step: u64,
    },
    /// The metric of the test examples got no better for so long that more steps were not worth while.
    NoImprovement {
        /// The step at which it was evaluated for the last time; it is not taken.
        step: u64,
        /// The metric: `loss`, `accuracy`, ...
        metric: String,
        /// Its best value.
        best: f64,
        /// The step before which it was.
        best_step: u64,
        /// Evaluations since then.
        patience: u64,
    },
    /// The loss grew beyond the limit.
    Diverged {
        /// The step at which it did.
        step: u64,
        /// The loss there.
        loss: f64,
        /// The limit: `diverge_factor` times the larger of the first loss and that of all parameters zero.
        limit: f64,
    },
    /// A rule of its sweep gave it up, as another run of its group was far better at the same step.
    Hopeless {
        /// The last step taken.
        step: u64,
        /// The mean of the last five losses there.
        loss: f64,
        /// The limit: a multiple of that of the other run.
        limit: f64,
    },
    /// A probe gave NaN or an infinity.
    NonFinite {
        /// The step at which it did.
        step: u64,
        /// The probe: `loss`, `curvature`, ...
        probe: String,
    },
    /// The objective could not be evaluated, or a record could not be kept.
    Failed {
        /// The step at which it happened.
        step: u64,
        /// What went wrong.
        error: String,
    },
    /// Ctrl-C.
    Interrupted {
        /// The first step not taken.
        step: u64,
    },
}

/// The name of the probe.
const TRIAL_LOSS: &str = "loss at a trial point";

impl StopReason {
    /// Whether the run did what it was asked to: all steps, the target, or as long as a metric got better.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::StepsDone | Self::TargetReached { .. } | Self::NoImprovement { .. })
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StepsDone => write!(f, "steps done"),
            Self::TargetReached { step } => write!(f, "target reached at step {step}"),
            Self::NoImprovement { step, metric, best, best_step, patience } => {
                let best = number(Some(*best));
                write!(
                    f,
                    "stopped early at step {step}: test {metric} was best at step {best_step} ({best}), {patience} evaluations before"
                )
            }
            Self::Diverged { step, loss, limit } => {
                write!(
                    f,
                    "diverged at step {step}: loss {loss:.4e} exceeds {limit:.4e}; try smaller steps (the tuner's rate, cap or sigma)"
                )
            }
            Self::Hopeless { step, loss, limit } => {
                write!(f, "given up at step {step}: loss {loss:.4e} exceeds {limit:.4e}, allowed by the best run")
            }
            Self::NonFinite { step, probe } => {
                // A loss at a trial point depends on the rate that was tried; all else at step 0 comes before any rate.
                let is_before_any_rate = *step == 0 && ![TRIAL_LOSS, "learning rate"].contains(&probe.as_str());
                let advice = match is_before_any_rate {
                    true => {
                        "no step was taken yet: try precision `f64`, smaller inputs or targets, or look for huge ones"
                    }
                    false => "try smaller steps (the tuner's rate, cap or sigma) or look for bad data",
                };
                write!(f, "non-finite {probe} at step {step}; {advice}")
            }
            Self::Failed { step, error } => write!(f, "failed at step {step}: {error}"),
            Self::Interrupted { step } => write!(f, "interrupted before step {step}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use onedge_objective::Probe;

    use super::*;

    #[test]
    fn the_advice_on_what_is_not_finite_fits_the_step() {
        assert_eq!(Probe::TrialLoss.to_string(), TRIAL_LOSS);
        let text = |step, probe: Probe| StopReason::NonFinite { step, probe: probe.to_string() }.to_string();
        for probe in [Probe::Loss, Probe::Gradient, Probe::Curvature] {
            assert!(text(0, probe).contains("no step was taken yet: try precision `f64`"));
            assert!(
                text(1, probe).ends_with("; try smaller steps (the tuner's rate, cap or sigma) or look for bad data")
            );
        }
        assert!(text(0, Probe::TrialLoss).contains("try smaller steps"));
    }
}
