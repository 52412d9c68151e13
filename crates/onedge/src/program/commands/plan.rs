use std::path::PathBuf;

use onedge_run::forecast::forecast;
use onedge_spec::{Catalogue, Spec};

use crate::program::code::Code;
use crate::program::console;
use crate::program::progress::Rows;
use crate::program::specs::{Overrides, warn_of_foresights};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec of the run: a TOML file, or another run (folder, name or id) [default: the defaults]
    spec: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let spec = Spec::resolve(&args.overrides.document(args.spec.as_deref(), catalogue)?)?;
    let rows = Rows::new(false);
    warn_of_foresights([&spec], &*rows.warnings());
    let mut data_sets = args.overrides.data_sets(&rows);
    let forecast = forecast(&spec, &mut data_sets)?;
    let text = if args.json { serde_json::to_string_pretty(&forecast)? + "\n" } else { forecast.to_text() };
    if args.json {
        console::data(&text)
    } else {
        console::result(&text)
    }
    Ok(Code::Done)
}
