use std::io::{IsTerminal, stdin};

use indicatif::DecimalBytes;
use onedge_store::{Entry, Found, Status};

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::exit::Misuse;
use crate::program::root::Root;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The runs, by their whole names, ids or folders
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub fn run(args: &Args, root: &Root, catalogue: &Catalogue) -> anyhow::Result<Code> {
    // Closed while somebody thinks it over.
    let mut store = root.open(catalogue)?;
    let mut runs: Vec<Found> = Vec::new();
    for run in &args.runs {
        let run = store.find_whole(run)?;
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    drop(store);
    let mut bytes = 0;
    for run in &runs {
        let entry = Entry::at(&run.path, catalogue)?;
        if entry.status == Status::Running {
            return Err(onedge_record::Error::Running(run.path.clone()).into());
        }
        bytes += entry.files().iter().map(|(_, bytes)| bytes).sum::<u64>();
    }
    let folders: Vec<&str> = runs.iter().map(|run| &run.folder[..]).collect();
    let what = match folders[..] {
        [one] => one.to_owned(),
        _ => format!("{} runs ({})", folders.len(), folders.join(", ")),
    };
    if !args.yes && !agreed(&format!("delete {what}, {}, for good? [y/N] ", DecimalBytes(bytes)))? {
        console::result("nothing was deleted\n");
        return Ok(Code::Done);
    }
    let mut store = root.open(catalogue)?;
    let (told, mut freed) = (store.notes().len(), 0);
    for run in &runs {
        freed += store.delete(run)?;
        console::result(&format!("deleted {}\n", run.folder));
    }
    store.notes().iter().skip(told).for_each(|note| console::note(&format!("note: {note}")));
    console::result(&format!("{} are free again\n", DecimalBytes(freed)));
    Ok(Code::Done)
}

/// Asks at the terminal.
fn agreed(question: &str) -> anyhow::Result<bool> {
    if !stdin().is_terminal() {
        let (expected, got) = ("a terminal to ask at".to_owned(), "none; try `--yes`, which does not ask".to_owned());
        return Err(Misuse { option: "runs delete", expected, got }.into());
    }
    console::prompt(question);
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
