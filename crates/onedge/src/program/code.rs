//! Exit codes.

use std::process::ExitCode;

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

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        match code {
            Code::Done => Self::SUCCESS,
            Code::Failed => Self::from(1),
            Code::Misuse => Self::from(2),
            Code::Interrupted => Self::from(130),
        }
    }
}

impl Code {
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
