use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use onedge_plot::{Abscissa, Course, Curve, Picture, Smoothing, density};
use onedge_record::RunDirectory;
use onedge_registry::Value;
use onedge_spec::{Catalogue, Document, Spec};
use onedge_sweep::compare::has_diverged;

use crate::program::appearance::Appearance;
use crate::program::code::Code;
use crate::program::console;
use crate::program::exit::Misuse;
use crate::program::legend::{Named, legend};
use crate::program::overwrite::Force;
use crate::program::root::Root;
use crate::program::specs::{CONTENT_KEY, note_different_data};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The runs: folders, names or ids
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The picture, .svg, .png or .pdf
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
    /// Runs that differ in their seed alone as one curve: the mean, with a band from the lowest to the highest
    #[arg(long, conflicts_with = "density")]
    mean: bool,
    /// Smooth curves: a share from 0 to 1 of an exponential average, or a number of readings; what was recorded stays below, pale
    #[arg(long, value_name = "NUMBER", value_parser = smoothing, conflicts_with = "density")]
    smooth: Option<Smoothing>,
    #[command(flatten)]
    appearance: Appearance,
    /// The typeface of an SVG, where the reader's machine has it
    #[arg(long, value_name = "NAME")]
    font: Option<String>,
}

fn smoothing(text: &str) -> Result<Smoothing, String> {
    let found = text.parse().ok().and_then(Smoothing::of);
    found.ok_or_else(|| "expected a share between 0 and 1, or a whole number of readings from 2".to_owned())
}

/// A run to be drawn.
struct Drawn {
    named: Named,
    course: Course,
    edge: Option<f64>,
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
    let mut drawn = Vec::new();
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
        let edge = document.as_ref().and_then(Spec::edge_of);
        let spec = document.and_then(|document| Spec::resolve(&document).ok());
        problems.push(spec.as_ref().map(problem));
        // Nor a summary: without one nothing is known of an end.
        let diverged = directory.read_summary().ok().flatten().is_some_and(|summary| has_diverged(&summary.stop));
        let settings = spec.as_ref().map(Named::settings_of).unwrap_or_default();
        let name = spec.map_or_else(|| folder_name(path), |spec| spec.name);
        let named = Named { name, settings, hints: [folder_name(path), path.display().to_string()] };
        drawn.push(Drawn { named, course: Course { records: steps.records, diverged }, edge });
    }
    note_different_data(contents.len());
    let curves = curves(drawn, args.mean)?;
    let x = args.x.into();
    let shared = problems.first().cloned().flatten().filter(|_| problems.windows(2).all(|pair| pair[0] == pair[1]));
    let title = args.title.clone().or(shared).unwrap_or_default();
    let theme = args.appearance.theme(args.font.as_ref());
    if args.density {
        density(&title, &curves, &args.output, &theme)?;
        return Ok(Code::Done);
    }
    let picture = Picture { title, x, panels: args.panels.clone(), curves, smoothing: args.smooth };
    picture.save_as(&args.output, &theme)?;
    Ok(Code::Done)
}

/// A curve for each run, or for the runs that differ in nothing but their seed.
fn curves(drawn: Vec<Drawn>, mean: bool) -> Result<Vec<Curve>, Misuse> {
    let mut groups: Vec<Vec<Drawn>> = Vec::new();
    for mut run in drawn {
        if !mean {
            groups.push(vec![run]);
            continue;
        }
        if run.named.settings.remove("seed").is_none() {
            let expected = "runs whose specs can be read".to_owned();
            return Err(Misuse { option: "--mean", expected, got: format!("`{}`", run.named.hints[1]) });
        }
        match groups.iter_mut().find(|group| group[0].named.settings == run.named.settings) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    let names: Vec<Named> = groups.iter().map(|group| group[0].named.clone()).collect();
    let curve = |(label, group): (String, Vec<Drawn>)| {
        let edge = group[0].edge;
        Curve { label, runs: group.into_iter().map(|run| run.course).collect(), edge }
    };
    Ok(legend(&names).into_iter().zip(groups).map(curve).collect())
}

fn problem(spec: &Spec) -> String {
    let batch = spec.batch.map_or("full batch".to_owned(), |batch| format!("batch {batch}"));
    format!("{}, {}, {}, {batch}", spec.data.name, spec.model.name, spec.optimizer.name)
}

fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
