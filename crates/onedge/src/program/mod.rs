//! The command line tool: trains, compares, measures and draws.
//!
//! A program of one's own that has tuners, models or data sets of its own gets all commands for them by [`run`]:
//!
//! ```no_run
//! use onedge::spec::Catalogue;
//!
//! fn main() -> std::process::ExitCode {
//!     onedge::program::run(&Catalogue::standard())
//! }
//! ```

mod appearance;
#[cfg(feature = "mpi")]
mod cluster;
mod code;
mod commands;
mod completion;
mod console;
mod downloads;
mod examples;
mod exit;
mod finished;
mod glossary;
mod interrupt;
mod legend;
mod named;
mod overwrite;
mod parameters;
mod progress;
mod root;
mod served;
mod specs;
mod units;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};
use onedge_spec::Catalogue;

use crate::program::code::Code;

/// Curvature aware learning rate tuners: train networks at the edge of stability, and watch.
#[derive(Debug, Parser)]
#[command(name = "onedge", version, after_help = exit::HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

/// Does what the command line of this process asks for, with names looked up in `catalogue`, and says how to end.
///
/// With the feature `mpi`, a process that `mpirun` has started as one of several takes its part in what rank 0 does.
pub fn run(catalogue: &Catalogue) -> ExitCode {
    let lead = || run_words(catalogue, std::env::args_os());
    #[cfg(feature = "mpi")]
    {
        let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        if let Some(code) = cluster::take_part(&words, lead) {
            return code.into();
        }
    }
    lead().into()
}

/// The same for a command line from elsewhere, of which the first word is the name of the program; the number is the code to end with.
pub fn run_words(catalogue: &Catalogue, words: impl IntoIterator<Item = OsString>) -> u8 {
    let words: Vec<OsString> = words.into_iter().collect();
    let command = || examples::with_examples(Cli::command());
    let with_candidates = || completion::with_candidates(command(), catalogue);
    let here = std::env::current_dir().ok();
    let asked = clap_complete::CompleteEnv::with_factory(with_candidates).var(commands::ASKED);
    let parsed = match asked.try_complete(words.iter().cloned(), here.as_deref()) {
        Ok(true) => return flushed(Code::Done.number()),
        Ok(false) => command().try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches)),
        Err(error) => Err(error),
    };
    let code = match parsed {
        Ok(cli) => console::ending(cli.command.run(catalogue).unwrap_or_else(|error| exit::report(&error))).number(),
        Err(error) => {
            // Help that nobody reads is no failure.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(Code::Misuse.number())
        }
    };
    flushed(code)
}

/// The code to end with, once nothing is left that was printed: where another language owns the process, its end does not see to that.
fn flushed(code: u8) -> u8 {
    // A reader that went away is no failure.
    let _ = std::io::stdout().flush();
    code
}
