use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use onedge_serve::{Options, Server};
use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::root::ROOT;
use crate::program::served::words;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder below which the runs lie
    #[arg(value_name = "FOLDER", default_value = ROOT)]
    folder: PathBuf,
    /// The port to listen at; 0 for any that is free
    #[arg(long, value_name = "N", default_value = "6543")]
    port: u16,
    /// Listen at this address, so that other machines can see the runs; they need the token that is printed
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let Args { folder, port, host, open } = args;
    let options = Options { folder: folder.clone(), host: host.clone(), port: *port, words: words(catalogue) };
    let server = Server::bind(options, catalogue)?;
    let address = server.address();
    console::result(&format!("{} is served at {address}\n", folder.display()));
    console::note("press Ctrl-C to end");
    if *open && let Err(error) = browse(&address) {
        console::note(&format!("note: no browser could be opened: {error}; open the address yourself"));
    }
    server.run()?;
    Ok(Code::Done)
}

/// Hands an address to whatever opens addresses here.
fn browse(address: &str) -> io::Result<()> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = if cfg!(windows) { Command::new("explorer") } else { Command::new(opener) };
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}
