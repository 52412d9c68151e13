use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use onedge_lab::compare::{Group, Point, comparison_table, picture};
use onedge_lab::records::{Record, RunDirectory, write_whole};
use onedge_lab::run::{Library, Place, Request, execute};
use onedge_lab::spec::{Variant, expand};

use crate::console;
use crate::exit::Code;
use crate::interrupt;
use crate::progress::Rows;
use crate::specs::Overrides;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Specs, TOML files; a list where a setting takes one value (rate = [0.1, 0.2], seed = [0, 1]) spans a grid
    #[arg(required = true)]
    specs: Vec<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Leave runs, table and picture in this new folder [default: runs/compare, numbered]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let mut plans = Vec::new();
    for path in &args.specs {
        plans.push(expand(&args.overrides.document(Some(path))?)?);
    }
    let interrupt = interrupt::flag()?;
    let folder = match &args.out {
        Some(path) => RunDirectory::create(path)?,
        None => RunDirectory::create_numbered(Path::new("runs"), "compare")?,
    };
    let mut library = args.overrides.library();
    let groups = all(&plans, &Rows::new(args.quiet), folder.path(), &mut library, &interrupt)?;
    let text = comparison_table(&groups);
    write_whole(&folder.path().join("table.txt"), text.as_bytes())?;
    console::result(&text);
    note_different_problems(&plans);
    let drawing = picture("the best run of each spec", &groups);
    if !drawing.curves.is_empty() {
        for extension in ["svg", "png"] {
            drawing.save(&folder.path().join(format!("picture.{extension}")))?;
        }
        console::result(&format!("left in {0}, with picture.svg and picture.png\n", folder.path().display()));
    }
    Ok(if interrupt.load(Ordering::Relaxed) {
        Code::Interrupted
    } else if groups.iter().all(|group| group.best().is_some()) {
        Code::Done
    } else {
        Code::Failed
    })
}

/// Does all runs, one after the other, until interrupted.
fn all(
    plans: &[Vec<Variant>],
    rows: &Rows,
    folder: &Path,
    library: &mut Library,
    interrupt: &AtomicBool,
) -> anyhow::Result<Vec<Group>> {
    let names = plans.iter().flatten().map(title);
    let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
    let mut groups = Vec::new();
    for variants in plans {
        let Some(first) = variants.first() else { continue };
        let mut group = Group { name: first.spec.name.clone(), points: Vec::new() };
        for variant in variants {
            if interrupt.load(Ordering::Relaxed) {
                break;
            }
            let mut row = rows.row(&title(variant), width, variant.spec.steps);
            let mut spec = variant.spec.clone();
            spec.name = title(variant);
            let request = Request { spec: &spec, place: Place::Under(folder), start: None };
            let mut last = Record::default();
            let mut observe = |record: &Record| {
                row.show(record);
                last.clone_from(record);
            };
            let finished = execute(&request, library, &mut observe, interrupt)?;
            let word = if finished.summary.stop.is_success() { "" } else { "failed" };
            row.finish(&last, word);
            match group.points.iter_mut().find(|point| point.label == variant.label) {
                Some(point) => point.runs.push(finished),
                None => group.points.push(Point { label: variant.label.clone(), runs: vec![finished] }),
            }
        }
        if !group.points.is_empty() {
            groups.push(group);
        }
    }
    Ok(groups)
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
