use std::fmt;

use onedge_record::{Finding, StopReason};

/// How far a run is. It follows from its folder: who holds `lock`, and what `summary.json` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A process is at it.
    Running,
    /// All steps were taken, or the target was reached.
    Done,
    /// All steps were taken, and nothing was learned: its findings say why.
    NoProgress,
    /// The loss grew beyond its limit, or a number was none.
    Diverged,
    /// A rule of its sweep gave it up.
    GivenUp,
    /// It could not go on.
    Failed,
    /// By Ctrl-C or a scheduler.
    Interrupted,
    /// Its process died without a summary.
    Killed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Done,
        Self::NoProgress,
        Self::Diverged,
        Self::GivenUp,
        Self::Failed,
        Self::Interrupted,
        Self::Killed,
    ];

    /// Of a run that no process is at; `stop` and `findings` are what its summary says, if it has one.
    pub fn ended(stop: Option<&StopReason>, findings: &[Finding]) -> Self {
        match stop {
            None => Self::Killed,
            Some(stop) if stop.is_success() && findings.iter().any(Finding::is_failure) => Self::NoProgress,
            Some(StopReason::StepsDone | StopReason::TargetReached { .. } | StopReason::NoImprovement { .. }) => {
                Self::Done
            }
            Some(StopReason::Diverged { .. } | StopReason::NonFinite { .. }) => Self::Diverged,
            Some(StopReason::Hopeless { .. }) => Self::GivenUp,
            Some(StopReason::Failed { .. }) => Self::Failed,
            Some(StopReason::Interrupted { .. }) => Self::Interrupted,
        }
    }

    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::NoProgress => "no-progress",
            Self::Diverged => "diverged",
            Self::GivenUp => "given-up",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Killed => "killed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
