use std::collections::BTreeMap;

use onedge_engine::{Rehearsal, Report};
use onedge_objective::{Error, Real, Sampled};

/// What the training loop needs beyond a mean over [`Sampled`] examples.
pub trait Workload<T: Real>: Sampled<T> {
    /// From now on the mean is over the examples at `indices`, with the inputs of each changed: `change` gets the place
    /// among `indices` and the inputs. The examples themselves stay as they are.
    ///
    /// # Errors
    /// An index out of range.
    fn select_with(&mut self, indices: &[usize], change: &mut dyn FnMut(usize, &mut [T])) -> Result<(), Error>;

    /// Called before the step `step`, the first of a run being 0: a workload whose examples come from outside takes those of this step.
    ///
    /// # Errors
    /// Examples that cannot be had.
    fn begin_step(&mut self, step: u64) -> Result<(), Error> {
        let _ = step;
        Ok(())
    }

    /// Whether [`begin_step`](Self::begin_step) brings other examples each time, so that losses are those of mini-batches.
    fn brings_batches(&self) -> bool {
        false
    }

    /// Whether a call was broken off, as [`Interrupted`](Error::Interrupted) says.
    fn was_interrupted(&self) -> bool {
        false
    }

    /// Means over all examples at `w`, by name: `loss`, `accuracy`, ...
    ///
    /// # Errors
    /// A value that is not finite.
    fn metrics(&mut self, w: &[T]) -> Result<BTreeMap<String, f64>, Error>;

    /// The names that [`metrics`](Self::metrics) gives.
    fn metric_names(&self) -> Vec<String> {
        vec!["loss".to_owned()]
    }

    /// What each stage costs at `w` along `u`, measured on some of the selected examples.
    ///
    /// # Errors
    /// A workload that cannot tell.
    fn report(&mut self, w: &[T], u: &[T]) -> Result<Report, Error> {
        let _ = (w, u);
        Err(Error::Other("this workload does not tell what it costs".into()))
    }

    /// What the busiest of `members` processes would do for the selected examples in `lanes` lanes, measured for about so many `seconds`.
    /// Nothing is linearised after it.
    ///
    /// # Errors
    /// A workload that cannot tell.
    fn rehearse(
        &mut self,
        (lanes, members): (usize, usize),
        w: &[T],
        u: &[T],
        seconds: f64,
    ) -> Result<Rehearsal, Error> {
        let _ = (lanes, members, w, u, seconds);
        Err(Error::Other("this workload does not tell what a share of it costs".into()))
    }
}
