//! Flags that say which parameters of a run are meant.

use std::path::{Path, PathBuf};

use onedge_run::{Moment, Point};

use crate::program::exit::Misuse;

/// What every command that takes parameters shares.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// The parameters in this file (safetensors) [default: those at the end of the run]
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Those of the run's best evaluation (evaluation.every in its spec)
    #[arg(long, conflicts_with_all = ["params", "initial", "step"])]
    best: bool,
    /// Those that the run began with
    #[arg(long, conflicts_with_all = ["params", "step"])]
    initial: bool,
    /// Those after so many steps, of which the run has a checkpoint
    #[arg(long, value_name = "N", conflicts_with = "params")]
    step: Option<u64>,
}

impl Parameters {
    /// The first flag that is given, if one is.
    pub fn given(&self) -> Option<&'static str> {
        let flags = [
            (self.params.is_some(), "params"),
            (self.best, "best"),
            (self.initial, "initial"),
            (self.step.is_some(), "step"),
        ];
        flags.into_iter().find(|(given, _)| *given).map(|(_, flag)| flag)
    }

    /// Which are meant of `run`, the folder of a run or a spec; `None` for a spec without a flag.
    ///
    /// # Errors
    /// A flag that needs a run, without one.
    pub fn point(&self, run: &Path) -> Result<Option<Point>, Misuse> {
        let asked = match (self.best, self.initial, self.step) {
            (true, ..) => Some(("best", Moment::Best)),
            (_, true, _) => Some(("initial", Moment::Initial)),
            (.., Some(step)) => Some(("step", Moment::Step(step))),
            _ => None,
        };
        match (&self.params, asked) {
            (Some(path), _) => Ok(Some(Point::File(path.clone()))),
            (None, Some((option, _))) if !run.is_dir() => {
                let (expected, got) = ("the folder of a run".to_owned(), format!("{}, which is none", run.display()));
                Err(Misuse { option, expected, got })
            }
            (None, Some((_, moment))) => Ok(Some(Point::Of(run.to_owned(), moment))),
            (None, None) if run.is_dir() => Ok(Some(Point::Of(run.to_owned(), Moment::Last))),
            (None, None) => Ok(None),
        }
    }
}
