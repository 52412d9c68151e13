use std::path::PathBuf;

use onedge_record::{Record, RunDirectory, StopReason};
use onedge_run::{Outputs, Unfinished, resume};

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::finished::conclude;
use crate::program::interrupt::Signals;
use crate::program::overwrite::Force;
use crate::program::progress::Rows;
use crate::program::root::Root;
use crate::program::specs::{Cache, warn_with};
use onedge_store::IndexedRoot;
use onedge_tune::Foresight;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run that was killed, interrupted or failed; or finished, with --steps: its folder, name or id
    #[arg(value_name = "RUN")]
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
    #[command(flatten)]
    root: Root,
    #[command(flatten)]
    force: Force,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    args.save_params.iter().try_for_each(|path| args.force.check("--save-params", path))?;
    let run = &args.root.folder_of(&args.run, catalogue)?;
    let planned = Unfinished::open(run, None, catalogue)?.spec().steps;
    let unfinished = Unfinished::open_with(run, args.steps, &args.set, catalogue)?;
    if let Some(stop) = unfinished.ended() {
        console::result(&format!("{}: {stop}; nothing to resume{}\n", run.display(), hint(stop)));
        let summary = RunDirectory::at(run).read_summary()?;
        return Ok(summary.as_ref().map_or(Code::Done, Code::of));
    }
    let (spec, interrupt) = (unfinished.spec(), Signals::heed()?);
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
    let mut data_sets = args.cache.data_sets(&rows).stopped_by(interrupt.stop());
    // Nothing of a run can be changed but its length.
    let (run, at) = (run.display(), spec.steps.min(planned));
    let remedy = |section: &str, foresight: &Foresight| {
        format!("try `onedge fork {run} --at {at} --set {section}.{}=...` for another", foresight.key())
    };
    warn_with([spec], &remedy, &*rows.warnings());
    let mut row = rows.row(&unfinished.spec().name, 0, unfinished.spec().steps);
    let tell = rows.notes();
    let mut observe = |record: &Record| row.show(record);
    let index = IndexedRoot::new(args.root.path(), catalogue);
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
