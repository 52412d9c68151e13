mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use onedge_paper::theory_pictures;
use onedge_plot::Drawing;
use onedge_record::{RunDirectory, write_whole};
use onedge_registry::{Settings, Value};
use onedge_theory::phase::map;
use onedge_theory::presets::{Outcome, build};

use crate::program::code::Code;
use crate::program::console;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// figure-4, figure-9, figure-10, figure-11, phase, batches or run; without it, a list of them
    name: Option<String>,
    /// Change a setting, like steps=500 or 'sigma=[2, 1.99]'; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "name")]
    set: Vec<String>,
    /// Leave table, numbers and pictures in this new folder [default: runs/theory-NAME, numbered]
    #[arg(long, value_name = "DIR", requires = "name")]
    out: Option<PathBuf>,
}

/// What is left behind.
struct Work {
    /// For the terminal, and for a file.
    tables: [String; 2],
    csv: String,
    picture: Drawing,
    /// Why it counts as a failure, if it does.
    failed: Option<String>,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let Some(name) = &args.name else {
        console::result(&format!(
            "{}\n`onedge list theories NAME` explains one of them and its settings.\n",
            super::list::theories()
        ));
        return Ok(Code::Done);
    };
    let (outcome, settings) = build(name, assignments(&args.set)?).map_err(|error| misuse(error, args))?;
    let folder = match &args.out {
        Some(path) => RunDirectory::create(path)?,
        None => RunDirectory::create_numbered(Path::new("runs"), &format!("theory-{name}"))?,
    };
    let place = |file: &str| folder.path().join(file);
    write_whole(&place("settings.toml"), toml(name, &settings).as_bytes())?;
    let widths = [console::width(), usize::MAX];
    let work = match outcome {
        Outcome::Curves(curves) => {
            // A figure is done when it is judged; a run of one's own must come to its end.
            let stop = curves.curves.first().map(|curve| curve.trajectory.stop);
            let failed = stop.filter(|stop| name == "run" && !stop.is_success()).map(|stop| stop.to_string());
            let picture = Drawing::Curves(theory_pictures::chart(&curves));
            Work { tables: widths.map(|width| report::curves(&curves, width)), csv: curves.csv(), picture, failed }
        }
        Outcome::Grid(grid) => {
            let map = map(&grid);
            let picture = Drawing::Map(theory_pictures::heatmap(&map));
            Work { tables: widths.map(|width| report::map(&map, width)), csv: map.csv(), picture, failed: None }
        }
        Outcome::Batches(batches) => {
            let map = batches.map();
            let panels = [(format!("averages with β = {}", batches.beta), &map)];
            let title = "CDAT in batches, in the simplified model (our addition)";
            let picture = Drawing::Map(theory_pictures::batch_heatmap(title, &panels));
            let tables = widths.map(|width| report::batches(&map, width));
            Work { tables, csv: map.csv(), picture, failed: None }
        }
    };
    let [shown, whole] = &work.tables;
    console::result(shown);
    write_whole(&place("table.txt"), whole.as_bytes())?;
    write_whole(&place(&format!("{name}.csv")), work.csv.as_bytes())?;
    for extension in ["svg", "png"] {
        work.picture.save(&place(&format!("{name}.{extension}")))?;
    }
    console::result(&format!("left in {}, with {name}.csv, {name}.svg and {name}.png\n", folder.path().display()));
    if let Some(stop) = work.failed {
        console::note(&format!("error: {name}: {stop}"));
        return Ok(Code::Failed);
    }
    Ok(Code::Done)
}

fn assignments(set: &[String]) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut given = BTreeMap::new();
    for assignment in set {
        let (key, value) = assignment.split_once('=').ok_or_else(|| onedge_spec::Error::Toml {
            origin: format!("--set {assignment}"),
            message: "expected `key=value`, got no `=`; try `--set steps=500`".to_owned(),
        })?;
        if value.trim().is_empty() {
            // An empty variable of a shell, most likely.
            let (origin, message) = (format!("--set {assignment}"), "expected a value after `=`, got none".to_owned());
            return Err(onedge_spec::Error::Toml { origin, message }.into());
        }
        given.insert(key.trim().to_owned(), Value::parse(value));
    }
    Ok(given)
}

/// A wrong name is the command's, everything else a flag's.
fn misuse(error: onedge_registry::Error, args: &Args) -> anyhow::Error {
    match error {
        onedge_registry::Error::UnknownName { .. } => error.into(),
        error if args.set.is_empty() => error.into(),
        error => onedge_spec::Error::Spec { origin: "--set".to_owned(), source: Box::new(error) }.into(),
    }
}

/// The resolved settings; they come in the order of their names.
fn toml(name: &str, settings: &Settings) -> String {
    let lines = settings.iter().map(|(key, value)| format!("{key} = {value}\n"));
    format!("# onedge theory {name}\n{}", lines.collect::<String>())
}
