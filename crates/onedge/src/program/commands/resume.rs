use std::path::{Path, PathBuf};

use onedge_record::{Record, RunDirectory, StopReason};
use onedge_run::{Outputs, Unfinished, resume};

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::finished::conclude;
use crate::program::interrupt;
use crate::program::progress::Rows;
use crate::program::root::ROOT;
use crate::program::specs::Cache;
use onedge_store::IndexedRoot;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of a run that was killed, interrupted or failed; or finished, with --steps
    run: PathBuf,
    /// How many steps to take in all [default: as many as the run was to take]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Where its data are by now, data.path=FILE, which is kept; or engine.threads=N, engine.memory_mib=N, for this time; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    cache: Cache,
    /// Also write the final parameters to this file (safetensors)
    #[arg(long, value_name = "FILE")]
    save_params: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let planned = Unfinished::open(&args.run, None, catalogue)?.spec().steps;
    let unfinished = Unfinished::open_with(&args.run, args.steps, &args.set, catalogue)?;
    if let Some(stop) = unfinished.ended() {
        console::result(&format!("{}: {stop}; nothing to resume{}\n", args.run.display(), hint(stop)));
        let summary = RunDirectory::at(&args.run).read_summary()?;
        return Ok(summary.as_ref().map_or(Code::Done, Code::of));
    }
    let (spec, interrupt) = (unfinished.spec(), interrupt::flag()?);
    let comes_down =
        spec.tuner.name == "cdat" && spec.tuner.settings.optional_number("cooldown").is_some_and(|x| x > 0.0);
    if comes_down && spec.steps > planned {
        console::note(&format!(
            "note: the learning rate came down towards step {planned} and rises again: from the start with {} steps it \
             would not have",
            spec.steps
        ));
    }
    let rows = Rows::new(args.quiet);
    let mut data_sets = args.cache.data_sets(&rows).stopped_by(&interrupt);
    let mut row = rows.row(&unfinished.spec().name, 0, unfinished.spec().steps);
    let tell = rows.notes();
    let mut observe = |record: &Record| row.show(record);
    let index = IndexedRoot::new(Path::new(ROOT), catalogue);
    let outputs = Outputs { register: Some(&index), save: args.save_params.as_deref() };
    let result = resume(unfinished, outputs, &mut data_sets, &mut observe, &interrupt, &mut |sentence| tell(sentence));
    conclude(result, &mut row)
}

/// What can still be done with a run that ended like this.
fn hint(stop: &StopReason) -> &'static str {
    match stop {
        StopReason::StepsDone => ", but with `--steps N` for more of them",
        _ => "; try `onedge fork`, with other settings from an earlier step on",
    }
}
