use std::collections::BTreeMap;

use onedge_engine::Report;
use onedge_objective::{Error, Real, Sampled};

/// What the training loop needs beyond a mean over [`Sampled`] examples.
pub trait Workload<T: Real>: Sampled<T> {
    /// From now on the mean is over the examples at `indices`, with the inputs of each changed: `change` gets the place
    /// among `indices` and the inputs. The examples themselves stay as they are.
    ///
    /// # Errors
    /// An index out of range.
    fn select_with(&mut self, indices: &[usize], change: &mut dyn FnMut(usize, &mut [T])) -> Result<(), Error>;

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
}
