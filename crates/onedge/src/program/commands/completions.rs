use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::program::code::Code;
use crate::program::console;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let mut script = Vec::new();
    generate(args.shell, &mut crate::program::Cli::command(), "onedge", &mut script);
    console::result(&String::from_utf8_lossy(&script));
    Ok(Code::Done)
}
