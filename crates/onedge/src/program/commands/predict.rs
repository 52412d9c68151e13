use std::path::PathBuf;

use onedge_record::write_whole;
use onedge_run::predict::predict;
use onedge_run::{Moment, Point};
use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::overwrite::Force;
use crate::program::parameters::Parameters;
use crate::program::progress::Rows;
use crate::program::root::Root;
use crate::program::specs::{Cache, spec_of};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its folder, name or id
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// New examples in the format of the run's data: tables, IDX files, CIFAR batches, images or folders of them; answers are not looked at
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the predictions to this file, as CSV [default: print them]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    parameters: Parameters,
    #[command(flatten)]
    cache: Cache,
    #[command(flatten)]
    root: Root,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    args.output.iter().try_for_each(|path| args.force.check("--output", path))?;
    let run = args.root.folder_of(&args.run, catalogue)?;
    let spec = spec_of(&run, catalogue)?;
    let point = args.parameters.point(&run)?.unwrap_or_else(|| Point::Of(run.clone(), Moment::Last));
    let data_sets = args.cache.data_sets(&Rows::new(false));
    let predictions = predict(&spec, &run, &point, &args.files, &data_sets)?;
    match &args.output {
        None => {
            console::note(&format!("predicted with {}", predictions.at));
            console::data(&predictions.to_csv());
        }
        Some(path) => {
            write_whole(path, predictions.to_csv().as_bytes())?;
            let count = predictions.lines.len();
            console::result(&format!("{count} predictions in {}, with {}\n", path.display(), predictions.at));
        }
    }
    Ok(Code::Done)
}
