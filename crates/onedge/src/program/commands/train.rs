use std::path::{Path, PathBuf};

use onedge_record::Record;
use onedge_run::{Place, Request, execute};
use onedge_spec::{Catalogue, Spec};
use onedge_store::IndexedRoot;

use crate::program::code::Code;
use crate::program::finished::conclude;
use crate::program::interrupt::Signals;
use crate::program::overwrite::Force;
use crate::program::progress::Rows;
use crate::program::root::ROOT;
use crate::program::served::Serve;
use crate::program::specs::{Overrides, warn_of_foresights, which_tuner};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec, a TOML file, or that of another run (folder, name or id); without it, the defaults and what --set changes
    spec: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Start from these parameters (safetensors) instead of random ones
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Also write the final parameters to this file (safetensors)
    #[arg(long, value_name = "FILE")]
    save_params: Option<PathBuf>,
    #[command(flatten)]
    force: Force,
    /// Leave the run in this new folder [default: runs/NAME, numbered]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    serve: Serve,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    args.save_params.iter().try_for_each(|path| args.force.check("--save-params", path))?;
    let spec = Spec::resolve(&args.overrides.document(args.spec.as_deref(), catalogue)?)?;
    let interrupt = Signals::heed()?;
    let rows = Rows::new(args.quiet);
    let mut data_sets = args.overrides.data_sets(&rows).stopped_by(interrupt.stop());
    warn_of_foresights([&spec], &*rows.warnings());
    let folder = args.out.as_deref().map_or(Path::new(ROOT), |out| out.parent().unwrap_or(Path::new("")));
    args.serve.begin(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }, catalogue);
    let mut row = rows.row(&spec.name, 0, spec.steps);
    let place = args.out.as_deref().map_or(Place::Under(Path::new(ROOT)), Place::At);
    let index = IndexedRoot::new(Path::new(ROOT), catalogue);
    let request = Request {
        spec: &spec,
        place,
        register: Some(&index),
        start: args.params.as_deref(),
        save: args.save_params.as_deref(),
    };
    let mut which = which_tuner(&spec).filter(|_| !args.quiet);
    let tell = rows.notes();
    let mut observe = |record: &Record| {
        if let Some(line) = which.take() {
            tell(&line);
        }
        row.show(record);
    };
    let result = execute(&request, &mut data_sets, &mut observe, &interrupt);
    conclude(result, &mut row)
}
