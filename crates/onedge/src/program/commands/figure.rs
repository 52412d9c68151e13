use onedge_paper::{Exhibit, FIGURES};
use onedge_registry::Entry;

use crate::program::code::Code;
use crate::program::commands::{exhibit, list};
use crate::program::console;
use crate::program::exit::Misuse;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Numbers of figures of the paper, 1 to 21, or all; without one, a list of them
    figures: Vec<String>,
    #[command(flatten)]
    options: exhibit::Options,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    if args.figures.is_empty() {
        console::result(&format!("{}\n`onedge explain figure-5` tells what one must show.\n", list::figures()));
        return Ok(Code::Done);
    }
    exhibit::run("figure", &wanted(&args.figures)?, &args.options)
}

/// The figures of these numbers, each once, by their number.
fn wanted(names: &[String]) -> anyhow::Result<Vec<&'static Entry<Exhibit>>> {
    let is_named = |entry: &Entry<Exhibit>, name: &str| {
        let number = entry.build.number().map(|number| number.to_string());
        name == "all" || number.as_deref() == Some(name) || name == entry.name
    };
    if let Some(name) = names.iter().find(|name| !FIGURES.iter().any(|entry| is_named(entry, name))) {
        let expected = format!("numbers from 1 to {}, or all", FIGURES.len());
        return Err(Misuse { option: "figure", expected, got: name.clone() }.into());
    }
    Ok(FIGURES.iter().filter(|entry| names.iter().any(|name| is_named(entry, name))).copied().collect())
}
