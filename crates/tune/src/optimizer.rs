use onedge_objective::{Layer, Real, State};

use crate::{Error, Foresight};

/// A rule that turns a gradient into an update at unit learning rate, `w <- w + eta u`.
pub trait Optimizer<T: Real>: Send {
    /// Writes the update u for parameters `w` and gradient `g`, and advances the state by one step.
    ///
    /// # Errors
    /// If the lengths differ from each other or from those before.
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error>;

    /// Says which tensors the parameters are, one after the other: once, before the first direction and before any
    /// [`restore`](Self::restore). An optimizer that treats all parameters alike, as here, does nothing with it; one that
    /// cannot do without ends its first direction with [`Error::NoLayers`] if it was not told.
    ///
    /// # Errors
    /// Layers among which is nothing for this optimizer to work on.
    fn set_layers(&mut self, layers: &[Layer]) -> Result<(), Error> {
        let _ = layers;
        Ok(())
    }

    /// After [`direction`](Self::direction) led uphill: forgets the directions of the steps before, so that the update is that
    /// of `g` alone, writes it, and says whether it did. What it divides by it keeps. A method that has nothing of the kind, as
    /// here, leaves everything as it is.
    ///
    /// # Errors
    /// Those of [`direction`](Self::direction).
    ///
    /// Source: gradient restart, O'Donoghue and Candes 2015, arXiv 1204.3982, section 3.2, with the direction of this step in the
    /// place of the step before.
    fn restart(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<bool, Error> {
        let _ = (w, g, u);
        Ok(false)
    }

    /// The diagonal P of the last direction, if the method divides by one. `None` before the first direction.
    fn preconditioner(&self) -> Option<&[T]>;

    /// c in "edge of stability at sharpness = c / eta": on a quadratic a constant rate eta diverges where the sharpness
    /// exceeds it. The sharpness is that of `P^-1/2 H P^-1/2` where there is a P, taken as constant. `None` for a
    /// method that scales its own updates, where there is no such number.
    fn edge(&self) -> Option<f64>;

    /// The parameters to evaluate and to keep, where they are not those at which gradients are taken; `None` where they
    /// are, and before the first direction. It belongs to the step that the last direction is for.
    fn evaluation_point(&self) -> Option<&[T]> {
        None
    }

    /// What it will do over a run of `steps` steps that its settings can hardly mean: a warm-up of its own that takes the
    /// whole run. `None` for a method that does not count steps.
    fn foresee(&self, steps: u64) -> Option<Foresight> {
        let _ = steps;
        None
    }

    /// The same optimizer in the same state: what it does changes nothing here.
    fn duplicate(&self) -> Box<dyn Optimizer<T>>;

    /// Everything that the next direction depends on.
    fn state(&self) -> State<T>;

    /// Puts back what [`state`](Self::state) gave: the directions that follow have the same bits.
    ///
    /// # Errors
    /// A state that another optimizer made.
    fn restore(&mut self, state: State<T>) -> Result<(), Error>;
}
