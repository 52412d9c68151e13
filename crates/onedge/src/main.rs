//! The command line tool `onedge`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use onedge::spec::Catalogue;

fn main() -> ExitCode {
    onedge::program::run(&Catalogue::standard())
}
