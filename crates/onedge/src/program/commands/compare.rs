use std::path::{Path, PathBuf};

use onedge_plot::Theme;
use onedge_record::{Record, RunDirectory, write_whole};
use onedge_run::{DataSets, Interrupt, Place, Request, check_all, execute};
use onedge_spec::{Catalogue, Variant, expand};
use onedge_store::IndexedRoot;
use onedge_sweep::Metric;
use onedge_sweep::compare::{Group, Point, comparison_table_by, picture_by};
use onedge_text::labels::tell_apart;

use crate::program::appearance::Appearance;
use crate::program::code::Code;
use crate::program::console;
use crate::program::finished::remarks;
use crate::program::interrupt::Signals;
use crate::program::progress::Rows;
use crate::program::root::ROOT;
use crate::program::served::Serve;
use crate::program::specs::{Overrides, warn_of_foresights};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Specs, TOML files or those of other runs (folders, names or ids); a list where a setting takes one value (rate = [0.1, 0.2], seed = [0, 1]) spans a grid
    #[arg(required = true)]
    specs: Vec<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Leave runs, table and picture in this new folder [default: runs/compare, numbered]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Choose the best by this number of the summaries: test.accuracy, test.loss, best.loss, ...
    #[arg(long, value_name = "KEY", default_value = "final_loss")]
    metric: String,
    #[command(flatten)]
    appearance: Appearance,
    #[command(flatten)]
    serve: Serve,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let metric = Metric::named(&args.metric)?;
    let mut plans = Vec::new();
    for path in &args.specs {
        plans.push(expand(&args.overrides.document(Some(path), catalogue)?)?);
    }
    name_apart(&mut plans, &args.specs);
    let interrupt = Signals::heed()?;
    let rows = Rows::new(args.quiet);
    let mut data_sets = args.overrides.data_sets(&rows).stopped_by(interrupt.stop());
    check_all(plans.iter().flatten().map(|variant| &variant.spec), &mut data_sets)?;
    metric.check(plans.iter().flatten().map(|variant| &variant.spec), &mut data_sets)?;
    warn_of_foresights(plans.iter().flatten().map(|variant| &variant.spec), &*rows.warnings());
    let folder = match &args.out {
        Some(path) => RunDirectory::create(path)?,
        None => RunDirectory::create_numbered(Path::new(ROOT), "compare")?,
    };
    args.serve.begin(folder.path(), catalogue);
    let (groups, stopped) = all(&plans, &rows, folder.path(), &mut data_sets, &interrupt, catalogue);
    rows.leave();
    let shown = show(&groups, &plans, folder.path(), (&metric, &args.appearance.theme(None)));
    stopped?;
    shown?;
    Ok(if interrupt.is_set() {
        Code::Interrupted
    } else if groups.iter().all(|group| group.got_somewhere(&metric)) {
        Code::Done
    } else {
        Code::Failed
    })
}

/// Specs of the same name are called by their files, in table, picture and folders.
fn name_apart(plans: &mut [Vec<Variant>], paths: &[PathBuf]) {
    let names: Vec<String> =
        plans.iter().map(|plan| plan.first().map_or(String::new(), |variant| variant.spec.name.clone())).collect();
    let stem = |path: &PathBuf| path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let whole = |path: &PathBuf| path.display().to_string();
    let hints = [paths.iter().map(stem).collect(), paths.iter().map(whole).collect()];
    for (plan, name) in plans.iter_mut().zip(tell_apart(&names, &hints)) {
        for variant in plan {
            variant.spec.name.clone_from(&name);
        }
    }
}

/// Prints the table of what was done and leaves it in the folder, with a picture.
fn show(
    groups: &[Group],
    plans: &[Vec<Variant>],
    folder: &Path,
    (metric, theme): (&Metric, &Theme),
) -> Result<(), onedge_plot::Error> {
    if groups.is_empty() {
        return Ok(());
    }
    let table = comparison_table_by(groups, metric);
    console::table(&table);
    for line in remarks(groups) {
        console::result(&format!("{line}\n"));
    }
    note_different_problems(plans);
    let mut written =
        write_whole(&folder.join("table.txt"), table.to_string().as_bytes()).map_err(onedge_plot::Error::from);
    let drawing = picture_by(&format!("the best of each spec by {metric}"), groups, metric);
    for extension in ["svg", "png", "pdf"] {
        written = written.and(drawing.save_as(&folder.join(format!("picture.{extension}")), theme));
    }
    if written.is_ok() {
        console::result(&format!("left in {0}, with picture.svg, .png and .pdf\n", folder.display()));
    }
    written
}

/// Does all runs, one after the other, until interrupted or until one fails in a way that would stop the others too;
/// what was done until then comes back with it.
fn all(
    plans: &[Vec<Variant>],
    rows: &Rows,
    folder: &Path,
    data_sets: &mut DataSets,
    interrupt: &dyn Interrupt,
    catalogue: &Catalogue,
) -> (Vec<Group>, Result<(), onedge_run::Error>) {
    let mut stopped = Ok(());
    let names = plans.iter().flatten().map(title);
    let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
    let index = IndexedRoot::new(Path::new(ROOT), catalogue);
    let mut groups = Vec::new();
    for variants in plans {
        let Some(first) = variants.first() else { continue };
        let mut group = Group { name: first.spec.name.clone(), points: Vec::new() };
        for variant in variants {
            if stopped.is_err() || interrupt.is_set() {
                break;
            }
            let mut row = rows.row(&title(variant), width, variant.spec.steps);
            let mut spec = variant.spec.clone();
            spec.name = title(variant);
            let request =
                Request { spec: &spec, place: Place::Under(folder), register: Some(&index), start: None, save: None };
            let mut observe = |record: &Record| row.show(record);
            let finished = match execute(&request, data_sets, &mut observe, interrupt) {
                Ok(finished) => finished,
                Err(onedge_run::Error::Incomplete { finished, source }) => {
                    let whole = (*finished).clone();
                    stopped = Err(onedge_run::Error::Incomplete { finished, source });
                    whole
                }
                Err(error) => {
                    stopped = Err(error);
                    break;
                }
            };
            row.finish(&finished.summary);
            match group.points.iter_mut().find(|point| point.label == variant.label) {
                Some(point) => point.runs.push(finished),
                None => group.points.push(Point { label: variant.label.clone(), runs: vec![finished] }),
            }
        }
        if !group.points.is_empty() {
            groups.push(group);
        }
    }
    (groups, stopped)
}

fn title(variant: &Variant) -> String {
    let name = &variant.spec.name;
    if variant.label.is_empty() { name.clone() } else { format!("{name} {}", variant.label) }
}

fn note_different_problems(plans: &[Vec<Variant>]) {
    let mut specs = plans.iter().flatten().map(|variant| &variant.spec);
    let Some(first) = specs.next() else { return };
    if specs.any(|spec| (&spec.data, &spec.model, &spec.loss) != (&first.data, &first.model, &first.loss)) {
        console::note("note: these specs differ in data, model or loss, so their losses do not compare directly");
    }
}
