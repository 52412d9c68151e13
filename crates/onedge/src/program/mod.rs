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
mod specs;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};
use onedge_spec::Catalogue;

/// Curvature aware learning rate tuners: train networks at the edge of stability, and watch.
#[derive(Debug, Parser)]
#[command(name = "onedge", version, after_help = exit::HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

/// Does what the command line of this process asks for, with names looked up in `catalogue`, and says how to end.
pub fn run(catalogue: &Catalogue) -> ExitCode {
    let command = || examples::with_examples(Cli::command());
    let with_candidates = || completion::with_candidates(command(), catalogue);
    clap_complete::CompleteEnv::with_factory(with_candidates).var(commands::ASKED).complete();
    let cli = Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
    let code = cli.command.run(catalogue).unwrap_or_else(|error| exit::report(&error));
    console::ending(code).into()
}
