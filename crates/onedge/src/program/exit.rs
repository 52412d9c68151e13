//! Which error ends the program how.

use std::error::Error;
use std::fmt;

use crate::program::code::Code;
use crate::program::console;

/// For `--help`.
pub const HELP: &str = "Exit codes: 0 done, 1 failed, diverged or learned nothing, 2 misuse, 130 interrupted.\n\
                        Start with `onedge demo`; `onedge list` shows every name a spec can use.";

/// Prints the error and says how to end.
pub fn report(error: &anyhow::Error) -> Code {
    // Most errors tell their cause themselves.
    let message = error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |message, cause| {
        if message.contains(&cause) { message } else { format!("{message}: {cause}") }
    });
    console::note(&format!("error: {}", with_flag(&in_flags(&message))));
    if is_interrupted(error) {
        Code::Interrupted
    } else if is_misuse(error) {
        Code::Misuse
    } else {
        Code::Failed
    }
}

/// What the libraries call an option, as the command line has it. They begin a message with its name.
const OPTIONS: [&str; 16] = [
    "at",
    "best",
    "columns",
    "initial",
    "map",
    "metric",
    "params",
    "prompt",
    "set",
    "sort",
    "step",
    "steps",
    "temperature",
    "top_k",
    "value",
    "where",
];

/// The message with options as flags: `at: ...` is `--at: ...`; `set ...`, for what an assignment says, is `--set ...`.
fn in_flags(message: &str) -> String {
    let Some((head, rest)) = message.split_once(": ") else { return message.to_owned() };
    if OPTIONS.contains(&head) {
        format!("--{}: {rest}", head.replace('_', "-"))
    } else if head == "set" || head.starts_with("set ") {
        format!("--{message}")
    } else if let Some(origin) = head.strip_suffix(" with set") {
        format!("{origin} with --set: {rest}")
    } else {
        message.to_owned()
    }
}

/// The message with "`data.path` set to" as the flag that does it.
fn with_flag(message: &str) -> String {
    const SET_TO: &str = "` set to ";
    let place = message.find(SET_TO).and_then(|end| Some((message[..end].rfind("try `")? + "try `".len(), end)));
    match place {
        Some((start, end)) if !message[start..end].contains(|c: char| c.is_whitespace()) => {
            let (key, rest) = (&message[start..end], &message[end + SET_TO.len()..]);
            format!("{}--set {key}=...`, {rest}", &message[..start])
        }
        _ => message.to_owned(),
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
        || of_serve(error)
}

#[cfg(feature = "serve")]
fn of_serve(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(onedge_serve::Error::is_misuse)
}

#[cfg(not(feature = "serve"))]
fn of_serve(_: &anyhow::Error) -> bool {
    false
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_to_be_set_are_flags() {
        assert_eq!(
            with_flag("a.csv: not found; try `data.path` set to where it is now, or a new run"),
            "a.csv: not found; try `--set data.path=...`, where it is now, or a new run"
        );
        for other in ["steps: expected 1", "x; try `download = true`, or `path` set to the folder", "` set to "] {
            assert_eq!(with_flag(other), other);
        }
    }

    #[test]
    fn options_are_flags() {
        for (message, expected) in [
            ("at: expected a step", "--at: expected a step"),
            ("top_k: expected 1 to 9", "--top-k: expected 1 to 9"),
            ("where: column 5: unknown key", "--where: column 5: unknown key"),
            ("set: tuner.rate: expected a number", "--set: tuner.rate: expected a number"),
            ("set a.b.c=1: expected a key", "--set a.b.c=1: expected a key"),
            ("a.toml with set: tuner.rate: no", "a.toml with --set: tuner.rate: no"),
            ("a.toml: steps: expected 1 or more", "a.toml: steps: expected 1 or more"),
            ("batch: expected at most 9", "batch: expected at most 9"),
            ("no colon", "no colon"),
        ] {
            assert_eq!(in_flags(message), expected);
        }
    }
}
