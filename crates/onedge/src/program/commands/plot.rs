use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use onedge_plot::{Abscissa, Curve, Picture, density};
use onedge_record::RunDirectory;
use onedge_registry::Value;
use onedge_spec::{Catalogue, Document, Spec};
use onedge_text::labels::tell_apart;

use crate::program::code::Code;
use crate::program::console;
use crate::program::overwrite::Force;
use crate::program::root::Root;
use crate::program::specs::{CONTENT_KEY, note_different_data};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The runs: folders, names or ids
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The picture, .svg or .png
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    force: Force,
    /// Panels: loss, rate, sharpness, edge, gradient, alignment, turn, or what was read beside them (trace, test_loss) [default: the first four]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    panels: Vec<String>,
    /// Instead of panels, the last density of eigenvalues of each run
    #[arg(long, conflicts_with_all = ["panels", "x"])]
    density: bool,
    /// The horizontal axis
    #[arg(long, value_enum, default_value = "step")]
    x: Along,
    #[command(flatten)]
    root: Root,
    /// The heading [default: data set and model, if all runs share them]
    #[arg(long)]
    title: Option<String>,
}

/// What lies along the horizontal axis: steps, forward-equivalents or seconds.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Along {
    Step,
    Cost,
    Seconds,
}

impl From<Along> for Abscissa {
    fn from(along: Along) -> Self {
        match along {
            Along::Step => Self::Step,
            Along::Cost => Self::Cost,
            Along::Seconds => Self::Seconds,
        }
    }
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    args.force.check("--output", &args.output)?;
    let mut curves = Vec::new();
    let (mut problems, mut contents) = (Vec::new(), BTreeSet::new());
    let runs = args.runs.iter().map(|run| args.root.folder_of(run, catalogue)).collect::<Result<Vec<_>, _>>()?;
    for path in &runs {
        let directory = RunDirectory::open(path)?;
        let steps = directory.read_thinned()?;
        if steps.torn {
            console::note(&format!("note: {}: the last record was cut off and is left out", path.display()));
        }
        if steps.records.is_empty() {
            return Err(onedge_record::Error::NoRecords(path.clone()).into());
        }
        // A picture needs no spec: without a readable one, a curve has the name of its folder and no edge.
        let document = Document::read(&directory.spec()).ok().map(|document| document.with_catalogue(catalogue));
        contents.extend(document.as_ref().and_then(|document| document.get(CONTENT_KEY)).map(Value::to_string));
        let spec = document.and_then(|document| Spec::resolve(&document).ok());
        problems.push(spec.as_ref().map(problem));
        let edge =
            spec.as_ref().and_then(|spec| spec.build_optimizer::<f32>().ok()).and_then(|optimizer| optimizer.edge());
        let label = spec.map_or_else(|| folder_name(path), |spec| spec.name);
        curves.push(Curve { label, records: steps.records, edge });
    }
    let names: Vec<String> = curves.iter().map(|curve| curve.label.clone()).collect();
    let folders = runs.iter().map(|path| folder_name(path)).collect();
    let paths = runs.iter().map(|path| path.display().to_string()).collect();
    for (curve, label) in curves.iter_mut().zip(tell_apart(&names, &[folders, paths])) {
        curve.label = label;
    }
    note_different_data(contents.len());
    let x = args.x.into();
    let shared = problems.first().cloned().flatten().filter(|_| problems.windows(2).all(|pair| pair[0] == pair[1]));
    let title = args.title.clone().or(shared).unwrap_or_default();
    if args.density {
        density(&title, &curves, &args.output)?;
        return Ok(Code::Done);
    }
    Picture { title, x, panels: args.panels.clone(), curves }.save(&args.output)?;
    Ok(Code::Done)
}

fn problem(spec: &Spec) -> String {
    let batch = spec.batch.map_or("full batch".to_owned(), |batch| format!("batch {batch}"));
    format!("{}, {}, {}, {batch}", spec.data.name, spec.model.name, spec.optimizer.name)
}

fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
