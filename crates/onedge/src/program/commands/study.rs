use onedge_paper::{Exhibit, STUDIES};
use onedge_registry::{Entry, Error, nearest};

use crate::program::code::Code;
use crate::program::commands::{exhibit, list};
use crate::program::console;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of studies, or all; without one, a list of them
    studies: Vec<String>,
    #[command(flatten)]
    options: exhibit::Options,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    if args.studies.is_empty() {
        console::result(&format!("{}\n`onedge explain {}` tells what one asks.\n", list::studies(), STUDIES[0].name));
        return Ok(Code::Done);
    }
    exhibit::run("study", &wanted(&args.studies)?, &args.options)
}

/// The studies of these names, each once.
fn wanted(names: &[String]) -> Result<Vec<&'static Entry<Exhibit>>, Error> {
    let known: Vec<&str> = STUDIES.iter().map(|entry| entry.name).collect();
    if let Some(name) = names.iter().find(|name| *name != "all" && !known.contains(&name.as_str())) {
        return Err(Error::UnknownName { what: "study", name: name.clone(), nearest: nearest(name, &known) });
    }
    Ok(STUDIES.iter().filter(|entry| names.iter().any(|name| name == "all" || name == entry.name)).copied().collect())
}
