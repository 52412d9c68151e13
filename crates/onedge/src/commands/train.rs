use std::path::{Path, PathBuf};

use onedge_lab::Error;
use onedge_lab::records::Record;
use onedge_lab::run::{Finished, Place, Request, execute};
use onedge_lab::spec::Spec;
use onedge_lab::table::{duration, number};

use crate::commands::runs::ROOT;
use crate::console;
use crate::exit::Code;
use crate::interrupt;
use crate::progress::Rows;
use crate::specs::Overrides;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec, a TOML file; without it, the defaults and what --set changes
    spec: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Start from these parameters (safetensors) instead of random ones
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Also write the final parameters to this file (safetensors)
    #[arg(long, value_name = "FILE")]
    save_params: Option<PathBuf>,
    /// Leave the run in this new folder [default: runs/NAME, numbered]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let spec = Spec::resolve(&args.overrides.document(args.spec.as_deref())?)?;
    let interrupt = interrupt::flag()?;
    let rows = Rows::new(args.quiet);
    let mut library = args.overrides.library(&rows).stopped_by(&interrupt);
    let mut row = rows.row(&spec.name, 0, spec.steps);
    let place = args.out.as_deref().map_or(Place::Under(Path::new(ROOT)), Place::At);
    let request = Request {
        spec: &spec,
        place,
        store: Some(Path::new(ROOT)),
        start: args.params.as_deref(),
        save: args.save_params.as_deref(),
    };
    let mut observe = |record: &Record| row.show(record);
    let (finished, lost) = match execute(&request, &mut library, &mut observe, &interrupt) {
        Ok(finished) => (finished, None),
        Err(Error::Incomplete { finished, source }) => {
            ((*finished).clone(), Some(Error::Incomplete { finished, source }))
        }
        Err(error) => return Err(error.into()),
    };
    row.finish(&finished.summary.stop);
    console::result(&report(&finished));
    if let Some(error) = lost {
        return Err(error.into());
    }
    let code = Code::of(&finished.summary.stop);
    if code == Code::Failed {
        console::note(&format!("error: {}: {}", spec.name, finished.summary.stop));
    }
    Ok(code)
}

/// A few lines on how a run went.
fn report(finished: &Finished) -> String {
    let summary = &finished.summary;
    let mut lines = vec![
        format!("{}: {}", summary.name, summary.stop),
        format!(
            "{} steps of {} parameters in {} (spectrum {}), cost {:.0} forward passes",
            summary.steps,
            summary.parameters,
            duration(summary.seconds),
            duration(summary.spectrum_seconds),
            summary.cost
        ),
        format!(
            "loss: first {}, best {}, final (mean of the last 5) {}",
            number(summary.first_loss),
            number(summary.best_loss),
            number(summary.final_loss)
        ),
    ];
    for (part, means) in [("train", &summary.train), ("test", &summary.test)] {
        if !means.is_empty() {
            let means: Vec<String> =
                means.iter().map(|(name, value)| format!("{name} {}", number(Some(*value)))).collect();
            lines.push(format!("{part}: {}", means.join(", ")));
        }
    }
    let events: Vec<String> = summary
        .events
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
        .collect();
    if !events.is_empty() {
        lines.push(format!("tuner: {}", events.join(", ")));
    }
    lines.push(format!("left in {}", finished.folder.display()));
    lines.join("\n") + "\n"
}
