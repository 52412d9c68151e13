use std::path::PathBuf;

use onedge_record::RunDirectory;
use onedge_run::evaluate::{Examples, evaluate};
use onedge_run::{Moment, Point};
use onedge_spec::{Catalogue, Spec};

use crate::program::code::Code;
use crate::program::console;
use crate::program::exit::Misuse;
use crate::program::parameters::Parameters;
use crate::program::progress::Rows;
use crate::program::root::Root;
use crate::program::specs::Overrides;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its folder, name or id
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// New examples in the format of the run's data: a table, an IDX file, a CIFAR batch, a folder of images with one folder for each class, a text [default: the run's test examples]
    data: Option<PathBuf>,
    /// With an IDX file of images: that of their labels
    #[arg(long, value_name = "FILE", requires = "data")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    parameters: Parameters,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    root: Root,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    if let (Some(data), [_, ..]) = (&args.data, &args.overrides.set[..]) {
        let expected = "none beside a file of examples, which is read as the run has learned".to_owned();
        return Err(Misuse { option: "--set", expected, got: data.display().to_string() }.into());
    }
    let run = args.root.folder_of(&args.run, catalogue)?;
    RunDirectory::open(&run)?;
    let spec = Spec::resolve(&args.overrides.document(Some(&run), catalogue)?)?;
    let point = args.parameters.point(&run)?.unwrap_or_else(|| Point::Of(run.clone(), Moment::Last));
    let examples = match &args.data {
        None => Examples::OfTheRun,
        Some(data) => Examples::In { data, labels: args.labels.as_deref() },
    };
    let mut data_sets = args.overrides.data_sets(&Rows::new(false));
    let evaluated = evaluate(&spec, &run, &point, examples, &mut data_sets)?;
    if args.json {
        console::data(&(serde_json::to_string_pretty(&evaluated)? + "\n"));
    } else {
        console::result(&evaluated.to_text_within(console::width()));
    }
    Ok(Code::Done)
}
