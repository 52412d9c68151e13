//! Exit codes.

use onedge_record::{StopReason, Summary};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// What was asked for is done.
    Done,
    /// It failed, or a run diverged or learned nothing.
    Failed,
    /// It was asked for in a way that makes no sense.
    Misuse,
    /// Ctrl-C.
    Interrupted,
}

impl Code {
    /// What the shell sees.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misuse => 2,
            Self::Interrupted => 130,
        }
    }

    /// For a run that came to its end.
    pub fn of(summary: &Summary) -> Self {
        match &summary.stop {
            stop if stop.is_success() && !summary.is_success() => Self::Failed,
            StopReason::StepsDone | StopReason::TargetReached { .. } | StopReason::NoImprovement { .. } => Self::Done,
            StopReason::Diverged { .. }
            | StopReason::Hopeless { .. }
            | StopReason::NonFinite { .. }
            | StopReason::Failed { .. } => Self::Failed,
            StopReason::Interrupted { .. } => Self::Interrupted,
        }
    }
}
