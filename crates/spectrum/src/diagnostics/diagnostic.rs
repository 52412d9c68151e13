use onedge_objective::{Real, State};

use super::point::Point;
use super::reading::Reading;
use crate::Error;

/// Something that is measured at a point, again and again along a run.
pub trait Diagnostic<T: Real>: Send {
    /// Measures the point. What has no value there, as a ratio of zeros, is an error, or NaN beside readings that have one: it is
    /// left out of the record and counted, and the run goes on.
    ///
    /// # Errors
    /// A value that does not exist or is not finite; whatever the objective reports.
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error>;

    /// A step of this learning rate was taken, measured or not.
    fn advance(&mut self, learning_rate: f64) {
        let _ = learning_rate;
    }

    /// Everything that the next measurement depends on beside the point; nothing, as here, where each stands for itself.
    fn state(&self) -> State<T> {
        State::new()
    }

    /// Puts back what [`state`](Self::state) gave: the measurements that follow have the same bits.
    ///
    /// # Errors
    /// A state that another diagnostic made.
    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        Ok(state.reader("diagnostic").finish()?)
    }
}
