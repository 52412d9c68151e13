use clap_complete::Shell;
use clap_complete::env::{EnvCompleter, Shells};

use crate::program::code::Code;
use crate::program::console;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell. In its start file: `source <(onedge completions bash)`, the same for zsh; in fish: `onedge completions fish |
    /// source`
    shell: Shell,
}

/// With this in the environment the program answers a shell instead of doing anything.
pub const ASKED: &str = "COMPLETE";

/// Bash parts words at `=` and `:`, so its script puts them together before it asks.
const BASH: &str = include_str!("completions.bash");

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let name = args.shell.to_string();
    let script = match Shells::builtins().completer(&name) {
        Some(shell) if name != "bash" => registration(shell)?,
        _ => BASH.to_owned(),
    };
    console::data(&script);
    Ok(Code::Done)
}

fn registration(shell: &dyn EnvCompleter) -> std::io::Result<String> {
    let mut script = Vec::new();
    shell.write_registration(ASKED, "onedge", "onedge", "onedge", &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}
