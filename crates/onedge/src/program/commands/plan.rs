use std::path::PathBuf;

use onedge_run::forecast::forecast;
use onedge_spec::{Catalogue, Spec};

use crate::program::code::Code;
use crate::program::console;
use crate::program::progress::Rows;
use crate::program::specs::Overrides;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec of the run: a TOML file or a run folder [default: the defaults]
    spec: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let spec = Spec::resolve(&args.overrides.document(args.spec.as_deref(), catalogue)?)?;
    let mut data_sets = args.overrides.data_sets(&Rows::new(false));
    let forecast = forecast(&spec, &mut data_sets)?;
    let text = if args.json { serde_json::to_string_pretty(&forecast)? + "\n" } else { forecast.to_text() };
    console::result(&text);
    Ok(Code::Done)
}
