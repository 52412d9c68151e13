use std::path::PathBuf;

use onedge_run::Point;
use onedge_run::measure::measure;
use onedge_spec::{Catalogue, Spec};

use crate::program::code::Code;
use crate::program::console;
use crate::program::parameters::Parameters;
use crate::program::progress::Rows;
use crate::program::specs::Overrides;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run folder, whose last parameters are meant, or a spec (TOML), whose random ones are
    spec: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    parameters: Parameters,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let spec = Spec::resolve(&args.overrides.document(Some(&args.spec), catalogue)?)?;
    let mut data_sets = args.overrides.data_sets(&Rows::new(false));
    let point = args.parameters.point(&args.spec)?.unwrap_or(Point::Random);
    let measurement = measure(&spec, args.spec.is_dir().then_some(args.spec.as_path()), &point, &mut data_sets)?;
    let text = if args.json { serde_json::to_string_pretty(&measurement)? + "\n" } else { measurement.to_text() };
    console::result(&text);
    Ok(Code::Done)
}
