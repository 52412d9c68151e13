use std::collections::VecDeque;
use std::fs;

use crate::Error;
use onedge_record::{Rows, RunDirectory};

/// Of a run that goes on, so much of its records is read: enough for hundreds.
const TAIL: u64 = 1 << 18;
/// A final loss is the mean of so many.
const LAST: usize = 5;

/// What the records of a run without a summary say.
#[derive(Debug, Default, PartialEq)]
pub struct Progress {
    /// Steps recorded.
    pub steps: u64,
    /// The mean of the last five losses.
    pub final_loss: Option<f64>,
    /// The smallest loss, if all were read.
    pub best_loss: Option<f64>,
    /// The loss of the first step, if all were read and its record is not lost.
    pub first_loss: Option<f64>,
    /// Evaluations of the loss so far.
    pub cost: f64,
    /// Seconds of training so far.
    pub seconds: f64,
}

impl Progress {
    /// Reads the records: all of them or, of a large file where `goes_on`, the last.
    ///
    /// # Errors
    /// [`Read`](onedge_record::Error::Read), [`Error::Record`].
    pub fn read(run: &RunDirectory, goes_on: bool) -> Result<Self, Error> {
        let length = fs::metadata(run.steps()).map_err(Error::read(&run.steps()))?.len();
        let whole = !goes_on || length <= TAIL;
        let mut rows = if whole { Rows::open(run)? } else { Rows::tail(run, TAIL)? };
        let (mut progress, mut last) = (Self::default(), VecDeque::new());
        while let Some(row) = rows.next()? {
            let number = |name: &str| row.value(name).unwrap_or(f64::NAN);
            let loss = number("loss");
            progress.steps = number("step") as u64 + 1;
            (progress.cost, progress.seconds) = (number("cost"), number("seconds"));
            if whole {
                progress.first_loss = progress.first_loss.or((number("step") == 0.0).then_some(loss));
                progress.best_loss = Some(progress.best_loss.map_or(loss, |best| best.min(loss)));
            }
            last.push_back(loss);
            if last.len() > LAST {
                last.pop_front();
            }
        }
        progress.final_loss = (!last.is_empty()).then(|| last.iter().sum::<f64>() / last.len() as f64);
        Ok(progress)
    }
}
