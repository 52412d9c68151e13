//! Exit codes, and which error gets which.

use std::process::ExitCode;

use onedge_lab::Error;
use onedge_lab::records::StopReason;

use crate::console;

/// For `--help`.
pub const HELP: &str = "Exit codes: 0 done, 1 failed or diverged, 2 misuse, 130 interrupted.\n\
                        Start with `onedge demo`; `onedge list` shows every name a spec can use.";

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// What was asked for is done.
    Done,
    /// It failed, or a run diverged.
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
    pub fn of(stop: &StopReason) -> Self {
        match stop {
            StopReason::StepsDone | StopReason::TargetReached { .. } => Self::Done,
            StopReason::Diverged { .. }
            | StopReason::Hopeless { .. }
            | StopReason::NonFinite { .. }
            | StopReason::Failed { .. } => Self::Failed,
            StopReason::Interrupted { .. } => Self::Interrupted,
        }
    }
}

/// Prints the error and says how to end.
pub fn report(error: &anyhow::Error) -> Code {
    // Most errors tell their cause themselves.
    let message = error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |message, cause| {
        if message.contains(&cause) { message } else { format!("{message}: {cause}") }
    });
    console::note(&format!("error: {message}"));
    match error.downcast_ref::<Error>() {
        Some(error) if error.is_interrupted() => Code::Interrupted,
        Some(error) if error.is_misuse() => Code::Misuse,
        _ if error.is::<onedge_registry::Error>() => Code::Misuse,
        _ => Code::Failed,
    }
}
