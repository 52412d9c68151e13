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

/// The rules with their names in table and picture. The constant is the best of 0.05, 0.1, 0.2, 0.4, 0.8 and 1.6, at the last of which most runs
/// fail.
const RULES: [(&str, &[&str]); 5] = [
    (DEFAULT, &["tuner=cdat"]),
    (PAPER, &["tuner=cdat", "tuner.preset=paper"]),
    (GREEDY, &["tuner=greedy"]),
    (LINESEARCH, &["tuner=armijo"]),
    (CONSTANT, &["tuner=constant", "tuner.rate=0.8"]),
];

const DEFAULT: &str = "cdat, the default";
/// The paper's rule on the edge, and those that it is explained with.
const PAPER: &str = "CDAT, sigma 2";
const GREEDY: &str = "greedy";
const LINESEARCH: &str = "Armijo linesearch";
const CONSTANT: &str = "constant, 0.8";

/// What all of them train: 512 digits at every step, a quarter of them with wrong labels, so that there is something to learn by heart.
const PROBLEM: [&str; 8] = [
    "data=digits",
    "data.first=512",
    "data.label_noise=0.25",
    "model=convnet",
    "model.channels=[8, 16, 32]",
    "model.activation=relu",
    "loss=cross-entropy",
    "diagnostics.sharpness_every=10",
];

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let interrupt = Signals::heed()?;
    let specs = RULES.iter().map(|(name, rule)| spec(name, rule, args.steps)).collect::<Result<Vec<_>, _>>()?;
    let folder = match &args.out {
        Some(path) => RunDirectory::create(path)?,
        None => RunDirectory::create_numbered(Path::new(ROOT), "demo")?,
    };
    console::result(&format!(
        "Five learning rate rules train the same network on 512 handwritten digits, {} steps each. A quarter of the \
         digits have random labels.\n\n",
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
    let ends: Vec<Ended> =
        groups.iter().filter_map(|group| ended(&group.name, group.points[0].runs.first()?)).collect();
    if let Some(text) = explanation(&ends) {
        console::result(&text);
    }
    let drawing = picture("512 handwritten digits, a convolutional network, full batch gradient descent", &groups);
    for extension in ["svg", "png"] {
        drawing.save(&folder.path().join(format!("demo.{extension}")))?;
    }
    console::result(&format!("picture: {}\n", folder.path().join("demo.png").display()));
    Ok(if interrupt.is_set() { Code::Interrupted } else { Code::Done })
}

/// How a rule ended.
struct Ended {
    name: String,
    loss: f64,
    /// Where the sharpness was measured last.
    rate: f64,
    sharpness: f64,
}

fn ended(name: &str, run: &Finished) -> Option<Ended> {
    let measured = run.records.iter().rev().find(|record| record.sharpness.is_some())?;
    let (rate, sharpness) = (measured.learning_rate, measured.sharpness?);
    Some(Ended { name: name.to_owned(), loss: run.summary.final_loss?, rate, sharpness })
}

/// What there is to see, in the numbers of these runs; nothing if some did not come to an end.
fn explanation(ends: &[Ended]) -> Option<String> {
    let of = |name: &str| ends.iter().find(|end| end.name == name);
    let (default, edge, greedy, search, constant) =
        (of(DEFAULT)?, of(PAPER)?, of(GREEDY)?, of(LINESEARCH)?, of(CONSTANT)?);
    let [a, b, c, d, e] = [greedy, search, edge, constant, default]
        .map(|end| [end.loss, end.sharpness, end.rate].map(|v| number(Some(v))));
    let best = greedy.loss.min(search.loss);
    if edge.loss.max(default.loss) > 0.5 * best {
        return Some("So few steps do not show yet how the rules differ; try 600.\n".to_owned());
    }
    Some(format!(
        "What to see:\n\
         The greedy rule and the linesearch take what looks best at each step, and end\n\
         highest, at {} and {}. The loss landscape grows sharp under them ({}\n\
         and {}), which leaves them small rates ({} and {}).\n\
         CDAT steps twice as far as the greedy rule, onto the edge, where the learning\n\
         rate times the sharpness is 2. There the sharpness stays low ({}) and the\n\
         rate high ({}): it ends at {}. The default, which needs no setting,\n\
         ends at {}; the best of six constant rates, found by six runs, at\n\
         {}.\n",
        a[0], b[0], a[1], b[1], a[2], b[2], c[1], c[2], c[0], e[0], d[0]
    ))
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
