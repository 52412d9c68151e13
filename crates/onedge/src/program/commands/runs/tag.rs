use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::root::Root;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run
    run: String,
    /// The tags: words of letters, digits and . _ - + : / @ #
    #[arg(required = true)]
    pub tags: Vec<String>,
}

pub fn run(args: &Args, root: &Root, more: &[String], fewer: &[String], catalogue: &Catalogue) -> anyhow::Result<Code> {
    let mut store = root.open(catalogue)?;
    let run = store.find(&args.run)?;
    let tags: Vec<String> = store.tag(&run, more, fewer)?.into_iter().collect();
    let tags = if tags.is_empty() { "no tags".to_owned() } else { tags.join(" ") };
    console::result(&format!("{}: {tags}\n", run.folder));
    Ok(Code::Done)
}
