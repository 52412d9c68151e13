use std::path::PathBuf;

use onedge_record::write_whole;
use onedge_run::predict::predict;
use onedge_run::{Moment, Point};
use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::parameters::Parameters;
use crate::program::progress::Rows;
use crate::program::specs::{Cache, spec_of};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of a run
    run: PathBuf,
    /// New examples in the format of the run's data: tables, IDX files, CIFAR batches, images or folders of them; answers are not looked at
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the predictions to this file, as CSV [default: print them]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    parameters: Parameters,
    #[command(flatten)]
    cache: Cache,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let spec = spec_of(&args.run, catalogue)?;
    let point = args.parameters.point(&args.run)?.unwrap_or_else(|| Point::Of(args.run.clone(), Moment::Last));
    let data_sets = args.cache.data_sets(&Rows::new(false));
    let predictions = predict(&spec, &args.run, &point, &args.files, &data_sets)?;
    match &args.output {
        None => {
            console::note(&format!("predicted with {}", predictions.at));
            console::result(&predictions.to_csv());
        }
        Some(path) => {
            write_whole(path, predictions.to_csv().as_bytes())?;
            let count = predictions.lines.len();
            console::result(&format!("{count} predictions in {}, with {}\n", path.display(), predictions.at));
        }
    }
    Ok(Code::Done)
}
