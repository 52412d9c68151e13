use std::path::PathBuf;

use onedge_run::Point;
use onedge_run::measure::measure;
use onedge_spec::{Catalogue, Spec};

use crate::program::code::Code;
use crate::program::console;
use crate::program::parameters::Parameters;
use crate::program::progress::Rows;
use crate::program::root::Root;
use crate::program::specs::Overrides;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run (folder, name or id), whose last parameters are meant, or a spec (TOML), whose random ones are
    #[arg(value_name = "RUN")]
    spec: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    parameters: Parameters,
    #[command(flatten)]
    root: Root,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let path = args.root.spec_or_run(&args.spec, catalogue)?;
    let spec = Spec::resolve(&args.overrides.document(Some(&path), catalogue)?)?;
    let mut data_sets = args.overrides.data_sets(&Rows::new(false));
    let point = args.parameters.point(&path)?.unwrap_or(Point::Random);
    let measurement = measure(&spec, path.is_dir().then_some(path.as_path()), &point, &mut data_sets)?;
    let text = if args.json { serde_json::to_string_pretty(&measurement)? + "\n" } else { measurement.to_text() };
    if args.json {
        console::data(&text)
    } else {
        console::result(&text)
    }
    Ok(Code::Done)
}
