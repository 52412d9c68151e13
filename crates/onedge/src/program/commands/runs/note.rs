use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::root::Root;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run
    run: String,
    /// The note, in the place of an earlier one; '' takes it away
    text: String,
}

pub fn run(args: &Args, root: &Root, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let mut store = root.open(catalogue)?;
    let run = store.find(&args.run)?;
    let note = store.note(&run, &args.text)?;
    console::result(&format!("{}: {}\n", run.folder, if note.is_empty() { "no note" } else { &note }));
    Ok(Code::Done)
}
