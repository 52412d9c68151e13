//! Exit codes, and which error gets which.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use onedge_record::StopReason;

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
    if is_interrupted(error) {
        Code::Interrupted
    } else if is_misuse(error) {
        Code::Misuse
    } else {
        Code::Failed
    }
}

/// A request that makes no sense, found by a command itself.
#[derive(Debug)]
pub struct Misuse {
    /// The option or the command.
    pub option: &'static str,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub got: String,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.option, self.expected, self.got)
    }
}

impl Error for Misuse {}

fn is_misuse(error: &anyhow::Error) -> bool {
    fn is<E: Error + Send + Sync + 'static>(error: &anyhow::Error, misuse: fn(&E) -> bool) -> bool {
        error.downcast_ref().is_some_and(misuse)
    }
    error.is::<Misuse>()
        || error.is::<onedge_registry::Error>()
        || error.is::<onedge_spec::Error>()
        || is(error, onedge_train::Error::is_misuse)
        || is(error, onedge_record::Error::is_misuse)
        || is(error, onedge_run::Error::is_misuse)
        || is(error, onedge_store::Error::is_misuse)
        || is(error, onedge_plot::Error::is_misuse)
        || is(error, onedge_sweep::Error::is_misuse)
        || is(error, onedge_paper::Error::is_misuse)
}

fn is_interrupted(error: &anyhow::Error) -> bool {
    let of_run = |error: &onedge_run::Error| error.is_interrupted();
    let of_sweep = |error: &onedge_sweep::Error| matches!(error, onedge_sweep::Error::Run(error) if of_run(error));
    let of_paper = |error: &onedge_paper::Error| match error {
        onedge_paper::Error::Run(error) => of_run(error),
        onedge_paper::Error::Sweep(error) => of_sweep(error),
        _ => false,
    };
    error.downcast_ref().is_some_and(of_run)
        || error.downcast_ref().is_some_and(of_sweep)
        || error.downcast_ref().is_some_and(of_paper)
}
