use std::fmt;

use onedge_text::table::number;
use serde::{Deserialize, Serialize};

/// What is to be said of how a run went, beside why it stopped; [`judge`](crate::judge) finds it.
///
/// As text it is one sentence that ends in what to try, if there is anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// Every learning rate was 0.
    StoodStill {
        /// Steps of the run.
        steps: u64,
        /// What the tuner counted most often, if anything: a name of [`Events`](onedge_tune::Events).
        event: Option<String>,
    },
    /// To first order all steps together could not change the loss by a thousandth.
    HardlyMoved {
        /// Steps of the run.
        steps: u64,
        /// The first loss.
        first: f64,
        /// The last ones: their median.
        last: f64,
        /// How many times longer the steps could be: a power of ten.
        longer: f64,
    },
    /// The loss of classes stayed where guessing has it.
    Guessing {
        /// The last losses: their median.
        loss: f64,
        /// What guessing costs: the loss of all parameters zero, which is ln(classes) for cross-entropy.
        guess: f64,
        /// Between how many classes.
        classes: usize,
    },
    /// The loss ended above where it began.
    EndedAbove {
        /// The first loss.
        first: f64,
        /// The last ones: their median.
        last: f64,
    },
    /// The tuner met what its formula does not provide for, and followed a policy instead, in more than a tenth of the steps.
    Often {
        /// What it met: a name of [`Events`](onedge_tune::Events).
        event: String,
        /// How often.
        times: u64,
        /// Steps of the run.
        steps: u64,
    },
    /// The rate was 0 from some step on.
    Stopped {
        /// The first step at rate 0, of those that follow each other to the end.
        from: u64,
        /// Steps of the run.
        steps: u64,
    },
    /// Of a reading, or of all that a diagnostic reads, there was no value at some steps: it is left out of their records.
    LeftOut {
        /// The reading, or the diagnostic.
        reading: String,
        /// How often.
        times: u64,
        /// Why the first time.
        reason: String,
    },
    /// Updates undo each other, and the loss falls no further.
    Oscillated {
        /// The mean loss over the last quarter of the run.
        loss: f64,
    },
}

impl Finding {
    /// Whether the run failed: what it was to do, lower the loss, it did not do. Others are warnings.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::StoodStill { .. } | Self::HardlyMoved { .. } | Self::Guessing { .. } | Self::EndedAbove { .. } => {
                true
            }
            Self::Often { .. } | Self::Stopped { .. } | Self::LeftOut { .. } | Self::Oscillated { .. } => false,
        }
    }

    /// A few words, for tables.
    pub fn name(&self) -> String {
        match self {
            Self::StoodStill { .. } => "no progress: rate 0".to_owned(),
            Self::HardlyMoved { .. } => "no progress: steps too short".to_owned(),
            Self::Guessing { .. } => "no progress: guesses".to_owned(),
            Self::EndedAbove { .. } => "no progress: ended above its start".to_owned(),
            Self::Often { event, .. } => format!("often {}", event.replace('_', " ")),
            Self::Stopped { .. } => "rate 0 at the end".to_owned(),
            Self::LeftOut { reading, .. } => format!("no {reading}"),
            Self::Oscillated { .. } => "oscillates".to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: &f64| number(Some(*value));
        match self {
            Self::StoodStill { steps, event: None } => {
                write!(
                    f,
                    "no step was taken: the rate was 0 at all {steps} steps; try a larger rate, or the tuner `cdat`"
                )
            }
            Self::StoodStill { steps, event: Some(event) } => {
                let (met, advice) = event_in_words(event);
                write!(f, "no step was taken: the rate was 0 at all {steps} steps, as {met}; try {advice}")
            }
            Self::HardlyMoved { steps, first, last, longer } => write!(
                f,
                "the loss hardly moved: from {} to {} in {steps} steps, which were too short; try a rate {} times as \
                 large, or the tuner `cdat`, which finds its own",
                number(first),
                number(last),
                if *longer < 1e5 { longer.to_string() } else { format!("{longer:e}") }
            ),
            Self::Guessing { loss, guess, classes } => write!(
                f,
                "the loss ended at {}, and guessing between {classes} classes costs {}: nothing was learned; try smaller \
                 steps from the start (the tuner's rate, cap or sigma)",
                number(loss),
                number(guess)
            ),
            Self::EndedAbove { first, last } => write!(
                f,
                "the loss ended at {}, above the {} where it began; try smaller steps (the tuner's rate, cap or sigma) or \
                 another tuner",
                number(last),
                number(first)
            ),
            Self::Often { event, times, steps } => {
                let (met, advice) = event_in_words(event);
                let often = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
                write!(f, "{met}, {often} in {steps} steps; try {advice}")
            }
            Self::Stopped { from, steps } => write!(
                f,
                "the rate was 0 from step {from} on, so the last {} of {steps} steps moved nothing; try a schedule as long \
                 as the run, or fewer steps",
                steps - from
            ),
            Self::LeftOut { reading, times, reason } => {
                let often = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
                write!(f, "`{reading}` had no value {often} and was left out there; the first time: {reason}")
            }
            Self::Oscillated { loss } => write!(
                f,
                "the loss went to and fro around {} and fell no further; try smaller steps (the tuner's rate, cap or sigma)",
                number(loss)
            ),
        }
    }
}

/// What happened at such an event of a tuner, and what to try.
pub fn event_in_words(event: &str) -> (&str, &str) {
    match event {
        "non_descent" => (
            "the optimizer's update led uphill, or the gradient was zero, where the tuner has no rate",
            "less momentum or the optimizer `gd`, whose update never leads uphill, or a larger batch",
        ),
        "negative_curvature" => (
            "the loss bent downwards along the update, where the rule has no rate of its own",
            "a linesearch such as the tuner `armijo`, which does not ask for curvature",
        ),
        "vanishing_denominator" => (
            "the tuner divided by zero or next to it, so it kept the rate that it had",
            "the tuner `armijo`, which divides by nothing, or precision `f64`",
        ),
        "non_finite" => ("trial steps ended at a loss that is not finite", "a smaller cap or first rate of the tuner"),
        "gave_up" => (
            "the linesearch found no rate that lowers the loss enough",
            "the optimizer `gd`, more tries (`max_tries`), or the tuner `cdat`",
        ),
        "held_back" => (
            "a safeguard held a step back, as the curvature changes faster than its averages",
            "a smaller `sigma` or a larger batch",
        ),
        "backed_off" => {
            ("the loss did not fall, so steps became shorter", "more steps, a larger batch or a smaller `sigma`")
        }
        "capped" => {
            ("the rate or its growth was cut", "a larger `cap`, or where the tuner has none another one, as `cdat`")
        }
        "floored" => ("the floor set the rate and not the rule", "a smaller `floor` of the tuner"),
        "below_floor" => ("the loss was below the smallest one that the tuner expects", "a smaller `fstar`"),
        "predicted" => (
            "the curvature was predicted from earlier steps and not measured, as `curvature = \"auto\"` has it",
            "a smaller `error` of the tuner",
        ),
        "unconverged" => {
            ("the sharpness had not converged when its products ran out", "a larger `diagnostics.max_products`")
        }
        other => (other, "another tuner"),
    }
}
