//! The command line tool `onedge`: trains, compares, measures and draws.
#![forbid(unsafe_code)]

mod catalogue;
mod code;
mod commands;
mod console;
mod downloads;
mod exit;
mod finished;
mod glossary;
mod interrupt;
mod progress;
mod root;
mod specs;

use std::process::ExitCode;

use clap::Parser;

/// Curvature aware learning rate tuners: train networks at the edge of stability, and watch.
#[derive(Debug, Parser)]
#[command(name = "onedge", version, after_help = exit::HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let code = Cli::parse().command.run().unwrap_or_else(|error| exit::report(&error));
    console::ending(code).into()
}
