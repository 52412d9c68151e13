use std::path::{Path, PathBuf};

use onedge_record::Record;
use onedge_run::{Branch, Outputs, Place, fork};

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::finished::conclude;
use crate::program::interrupt;
use crate::program::progress::Rows;
use crate::program::root::ROOT;
use crate::program::specs::Overrides;
use onedge_store::IndexedRoot;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the run
    run: PathBuf,
    /// The first step to take with the new settings
    #[arg(long, value_name = "STEP")]
    at: u64,
    #[command(flatten)]
    overrides: Overrides,
    /// Also write the final parameters to this file (safetensors)
    #[arg(long, value_name = "FILE")]
    save_params: Option<PathBuf>,
    /// Leave the variant in this new folder [default: runs/NAME-from-STEP, numbered]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let branch = Branch::open(&args.run, args.at, &args.overrides.set, catalogue)?;
    let interrupt = interrupt::flag()?;
    let rows = Rows::new(args.quiet);
    let mut data_sets = args.overrides.data_sets(&rows).stopped_by(&interrupt);
    let mut row = rows.row(&branch.spec().name, 0, branch.spec().steps);
    let place = args.out.as_deref().map_or(Place::Under(Path::new("runs")), Place::At);
    let tell = rows.notes();
    let mut observe = |record: &Record| row.show(record);
    let index = IndexedRoot::new(Path::new(ROOT), catalogue);
    let outputs = Outputs { register: Some(&index), save: args.save_params.as_deref() };
    let mut tell = |sentence: &str| tell(sentence);
    let result = fork(&branch, place, outputs, &mut data_sets, &mut observe, &interrupt, &mut tell);
    conclude(result, &mut row)
}
