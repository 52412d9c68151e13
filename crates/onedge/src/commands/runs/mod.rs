//! All runs of a project: what there is, and what to do with it.

mod compare;
mod delete;
mod index;
mod list;
mod show;
mod tag;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use onedge_store::{Found, Store};

use super::export;
use crate::console;
use crate::exit::{Code, Misuse};

/// Where runs are left unless something else is said.
pub const ROOT: &str = "runs";

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: list::Listing,
    #[command(flatten)]
    root: Root,
}

/// Which store.
#[derive(Debug, clap::Args)]
pub struct Root {
    /// The folder below which the runs lie [default: runs]
    #[arg(long, value_name = "DIR", global = true)]
    root: Option<PathBuf>,
}

impl Root {
    /// The folder.
    pub fn path(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new(ROOT))
    }

    /// Whether no run was made yet, and nobody said that there are some.
    fn is_yet_to_come(&self) -> bool {
        self.root.is_none() && !self.path().exists()
    }

    /// Opens the store, and says what went wrong without harm.
    fn open(&self) -> anyhow::Result<Store> {
        let store = Store::open(self.path())?;
        tell(&store);
        Ok(store)
    }
}

/// What to do with runs. RUN is the path of a folder, or a folder below the root, an id or a name, or the beginning of one.
#[derive(Debug, Subcommand)]
enum What {
    /// The list of runs, as without a command
    List(list::Listing),
    /// Everything that is known of a run
    Show(show::Args),
    /// Runs side by side: how they went, and in which settings they differ
    Compare(compare::Args),
    /// Give a run tags
    Tag(tag::Args),
    /// Take tags from a run
    Untag(tag::Args),
    /// Delete runs for good
    Delete(delete::Args),
    /// Their step records as CSV, JSON, Parquet or for TensorBoard
    Export(export::Args),
    /// Make the index anew from the folders; it is otherwise kept up to date by itself
    Index,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let root = &args.root;
    if let (Some(_), Some(option)) = (&args.what, args.list.given()) {
        let (expected, got) = ("no command beside it, as it is about the list of runs".to_owned(), "one".to_owned());
        return Err(Misuse { option, expected, got }.into());
    }
    match &args.what {
        None => list::run(&args.list, root),
        Some(What::List(listing)) => list::run(listing, root),
        Some(What::Show(args)) => show::run(args, root),
        Some(What::Compare(args)) => compare::run(args, root),
        Some(What::Tag(args)) => tag::run(args, root, &args.tags, &[]),
        Some(What::Untag(args)) => tag::run(args, root, &[], &args.tags),
        Some(What::Delete(args)) => delete::run(args, root),
        Some(What::Export(args)) => export::run(args, root.path()),
        Some(What::Index) => index::run(root),
    }
}

fn tell(store: &Store) {
    store.notes().iter().for_each(|note| console::note(&format!("note: {note}")));
}

/// The runs that are meant, each once.
fn find_all(store: &mut Store, runs: &[String]) -> anyhow::Result<Vec<Found>> {
    let mut found: Vec<Found> = Vec::new();
    for run in runs {
        let run = store.find(run)?;
        if !found.contains(&run) {
            found.push(run);
        }
    }
    Ok(found)
}
