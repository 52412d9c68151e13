//! All runs of a project: what there is, and what to do with it.

mod compare;
mod delete;
mod index;
mod list;
mod note;
mod show;
mod tag;

use clap::Subcommand;

use super::export;
use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::exit::Misuse;
use crate::program::root::Root;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: list::Listing,
    #[command(flatten)]
    root: Root,
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
    /// Note something of a run
    Note(note::Args),
    /// Delete runs for good
    Delete(delete::Args),
    /// Their step records as CSV, JSON, Parquet or for TensorBoard; the trained model of one as ONNX
    Export(export::Args),
    /// Make the index anew from the folders; it is otherwise kept up to date by itself
    Index,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let root = &args.root;
    if let (Some(_), Some(option)) = (&args.what, args.list.given()) {
        let (expected, got) = ("no command beside it, as it is about the list of runs".to_owned(), "one".to_owned());
        return Err(Misuse { option, expected, got }.into());
    }
    match &args.what {
        None => list::run(&args.list, root, catalogue),
        Some(What::List(listing)) => list::run(listing, root, catalogue),
        Some(What::Show(args)) => show::run(args, root, catalogue),
        Some(What::Compare(args)) => compare::run(args, root, catalogue),
        Some(What::Tag(args)) => tag::run(args, root, &args.tags, &[], catalogue),
        Some(What::Untag(args)) => tag::run(args, root, &[], &args.tags, catalogue),
        Some(What::Note(args)) => note::run(args, root, catalogue),
        Some(What::Delete(args)) => delete::run(args, root, catalogue),
        Some(What::Export(args)) => export::run(args, root.path(), catalogue),
        Some(What::Index) => index::run(root, catalogue),
    }
}
