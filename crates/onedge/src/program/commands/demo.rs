use std::path::{Path, PathBuf};

use onedge_record::{Record, RunDirectory};
use onedge_run::{DataSets, Finished, Interrupt, Place, Request, execute};
use onedge_spec::{Catalogue, Document, Spec};
use onedge_store::IndexedRoot;
use onedge_sweep::compare::{Group, Point, comparison_table, picture};
use onedge_text::table::number;

use crate::program::code::Code;
use crate::program::console;
use crate::program::interrupt::Signals;
use crate::program::progress::Rows;
use crate::program::root::ROOT;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave runs and picture in this new folder [default: runs/demo, numbered]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many steps each rule takes
    #[arg(long, default_value_t = 600)]
    steps: u32,
}

/// The rules with their names in table and picture. The constant is the best of the grid 2^-6, 2^-5, ... 2^-2.
const RULES: [(&str, &[&str]); 5] = [
    ("cdat, the default", &["tuner=cdat"]),
    (PAPER, &["tuner=cdat", "tuner.preset=paper"]),
    (GREEDY, &["tuner=greedy"]),
    ("Armijo linesearch", &["tuner=armijo"]),
    // The best power of two for 600 steps.
    ("constant, 1/8", &["tuner=constant", "tuner.rate=0.125"]),
];

/// The paper's rule on the edge, and the one that it is explained with.
const PAPER: &str = "CDAT, sigma 2";
const GREEDY: &str = "greedy";

/// What all of them train: every digit at every step.
const PROBLEM: [&str; 5] =
    ["data=digits", "model=mlp", "model.hidden=[128, 128, 128]", "loss=squared", "diagnostics.sharpness_every=10"];

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let interrupt = Signals::heed()?;
    let specs = RULES.iter().map(|(name, rule)| spec(name, rule, args.steps)).collect::<Result<Vec<_>, _>>()?;
    let folder = match &args.out {
        Some(path) => RunDirectory::create(path)?,
        None => RunDirectory::create_numbered(Path::new(ROOT), "demo")?,
    };
    console::result(&format!(
        "Five learning rate rules train the same network on 1797 handwritten digits, {} steps each.\n\n",
        args.steps
    ));
    let rows = Rows::new(false);
    let mut data_sets = DataSets::new(None).warned_by(rows.warnings());
    let width = RULES.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut lines: Vec<_> = specs.iter().map(|spec| rows.row(&spec.name, width, spec.steps)).collect();
    let index = IndexedRoot::new(Path::new(ROOT), catalogue);
    let mut groups = Vec::new();
    for (spec, row) in specs.iter().zip(&mut lines) {
        let mut observe = |record: &Record| row.show(record);
        let request =
            Request { spec, place: Place::Under(folder.path()), register: Some(&index), start: None, save: None };
        let finished = execute(&request, &mut data_sets, &mut observe, &interrupt)?;
        row.finish(&finished.summary);
        let stop = finished.summary.stop.clone();
        groups.push(Group {
            name: spec.name.clone(),
            points: vec![Point { label: String::new(), runs: vec![finished] }],
        });
        if !stop.is_success() && interrupt.is_set() {
            break;
        }
    }
    rows.leave();
    console::result("\n");
    console::table(&comparison_table(&groups));
    console::result("\n");
    let measured = |name: &str| {
        let group = groups.iter().find(|group| group.name == name)?;
        let run = group.points[0].runs.first()?;
        Some((sharpest(run)?, run.summary.final_loss))
    };
    if let (Some(cdat), Some(greedy)) = (measured(PAPER), measured(GREEDY)) {
        console::result(&format!("{}\n", explanation(&cdat, &greedy)));
    }
    let drawing =
        picture("1797 handwritten digits, MLP 128-128-128, squared loss, full batch gradient descent", &groups);
    for extension in ["svg", "png"] {
        drawing.save(&folder.path().join(format!("demo.{extension}")))?;
    }
    console::result(&format!("picture: {}\n", folder.path().join("demo.png").display()));
    Ok(if interrupt.is_set() { Code::Interrupted } else { Code::Done })
}

/// The last record of a run at which the sharpness was measured.
fn sharpest(run: &Finished) -> Option<Record> {
    run.records.iter().rev().find(|record| record.sharpness.is_some()).cloned()
}

/// What there is to see, in the numbers of this run.
fn explanation(cdat: &(Record, Option<f64>), greedy: &(Record, Option<f64>)) -> String {
    let words = |(record, loss): &(Record, Option<f64>)| {
        let (rate, loss) = (number(Some(record.learning_rate)), number(*loss));
        format!("sharpness {}, rate {rate}, final loss {loss}", number(record.sharpness))
    };
    format!(
        "Greedy takes the best step of the quadratic model each time. It ends at {}.\n\
         CDAT steps twice as far, onto the edge (rate x sharpness near 2). It ends at {}.\n",
        words(greedy),
        words(cdat)
    )
}

fn spec(name: &str, rule: &[&str], steps: u32) -> Result<Spec, onedge_spec::Error> {
    let mut document = Document::empty("demo");
    for assignment in PROBLEM.iter().chain(rule) {
        document.set(assignment)?;
    }
    document.set(&format!("name={name}"))?;
    document.set(&format!("steps={steps}"))?;
    Spec::resolve(&document)
}
