use std::path::PathBuf;

use onedge_run::measure::measure;
use onedge_spec::{Catalogue, Spec};

use crate::program::code::Code;
use crate::program::console;
use crate::program::progress::Rows;
use crate::program::specs::Overrides;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec that states data, model, loss and optimizer: a TOML file or a run folder
    spec: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    /// The parameters (safetensors); without it, the random initial ones
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let spec = Spec::resolve(&args.overrides.document(Some(&args.spec), catalogue)?)?;
    let mut data_sets = args.overrides.data_sets(&Rows::new(false));
    let measurement = measure(&spec, args.params.as_deref(), &mut data_sets)?;
    let text = if args.json { serde_json::to_string_pretty(&measurement)? + "\n" } else { measurement.to_text() };
    console::result(&text);
    Ok(Code::Done)
}
