use onedge_objective::State;

use crate::{Error, Events, Foresight, Line, Needs};

/// A rule that sets the learning rate of each step from what it asks of a [`Line`].
pub trait Tuner: Send {
    /// The learning rate for this step. Zero is allowed; a tuner that has no better answer gives the previous rate
    /// or zero and counts why in its events.
    ///
    /// # Errors
    /// Those of the line.
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error>;

    /// What the trainer has to keep for the questions that [`learning_rate`](Self::learning_rate) will ask. The same
    /// answer for the whole of a run.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// What it will do over a run of `steps` steps that its settings can hardly mean: a schedule that is over before the
    /// run. `None` for a rule that depends on more than the step.
    fn foresee(&self, steps: u64) -> Option<Foresight> {
        let _ = steps;
        None
    }

    /// Whether it will ask for a curvature at `step`, as far as that can be told before it: whoever takes the gradient can then keep what a
    /// curvature needs. It may ask at other steps, too.
    fn expects_curvature(&self, step: u64) -> bool {
        let _ = step;
        false
    }

    /// What happened so far.
    fn events(&self) -> &Events;

    /// Everything that the next rate depends on, and the events.
    fn state(&self) -> State<f64>;

    /// Puts back what [`state`](Self::state) gave: the rates that follow have the same bits.
    ///
    /// # Errors
    /// A state that another tuner made.
    fn restore(&mut self, state: State<f64>) -> Result<(), Error>;
}
