use std::path::PathBuf;

use onedge_record::Record;
use onedge_run::{Branch, Outputs, Place, fork};

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::finished::conclude;
use crate::program::interrupt::Signals;
use crate::program::overwrite::Force;
use crate::program::progress::Rows;
use crate::program::root::Root;
use crate::program::specs::{Overrides, warn_of_foresights};
use onedge_store::IndexedRoot;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its folder, name or id
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The first step to take with the new settings
    #[arg(long, value_name = "STEP")]
    at: u64,
    #[command(flatten)]
    overrides: Overrides,
    /// Also write the final parameters to this file (safetensors)
    #[arg(long, value_name = "FILE")]
    save_params: Option<PathBuf>,
    #[command(flatten)]
    force: Force,
    /// Leave the variant in this new folder [default: ROOT/NAME-from-STEP, numbered]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    root: Root,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    args.save_params.iter().try_for_each(|path| args.force.check("--save-params", path))?;
    let run = args.root.folder_of(&args.run, catalogue)?;
    let branch = Branch::open(&run, args.at, &args.overrides.set, catalogue)?;
    let interrupt = Signals::heed()?;
    let rows = Rows::new(args.quiet);
    let mut data_sets = args.overrides.data_sets(&rows).stopped_by(interrupt.stop());
    warn_of_foresights([branch.spec()], &*rows.warnings());
    let mut row = rows.row(&branch.spec().name, 0, branch.spec().steps);
    let place = args.out.as_deref().map_or(Place::Under(args.root.path()), Place::At);
    let tell = rows.notes();
    let mut observe = |record: &Record| row.show(record);
    let index = IndexedRoot::new(args.root.path(), catalogue);
    let outputs = Outputs { register: Some(&index), save: args.save_params.as_deref() };
    let mut tell = |sentence: &str| tell(sentence);
    let result = fork(&branch, place, outputs, &mut data_sets, &mut observe, &interrupt, &mut tell);
    conclude(result, &mut row)
}
