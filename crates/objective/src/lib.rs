//! The hub: a loss on a flat parameter vector, with its gradient, its curvature along a direction and its Hessian.
//!
//! Knows nothing of graphs, models or data: an analytic function, a foreign framework or a cluster of ranks can be
//! an [`Objective`] too.
#![forbid(unsafe_code)]

mod cost;
mod error;
mod real;
mod sampled;
mod state;
pub mod vector;

pub use cost::Costs;
pub use error::{Error, Probe};
pub use real::{Real, by_precision};
pub use sampled::Sampled;
pub use state::{Reader, State, StateError};

/// A twice differentiable loss `L(w)` on `w` in R^P, exact derivatives included.
///
/// [`linearize`](Self::linearize) fixes a point; [`curvature`](Self::curvature) and
/// [`hessian_vector`](Self::hessian_vector) then speak of that point until the next `linearize`.
/// [`loss`](Self::loss) is forward only and leaves the point alone, so a linesearch may call it freely.
pub trait Objective<T: Real> {
    /// P, the number of parameters.
    fn dim(&self) -> usize;

    /// The loss at `w`; writes its gradient and keeps what the two calls below need.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if the loss is not finite, [`Error::Length`] if a slice is not of length P.
    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Error>;

    /// `u . H u` at the linearised point.
    ///
    /// # Errors
    /// [`Error::NotLinearized`] before the first `linearize`; [`Error::NonFinite`], [`Error::Length`].
    fn curvature(&mut self, u: &[T]) -> Result<f64, Error>;

    /// `H v` at the linearised point.
    ///
    /// # Errors
    /// As for `curvature`.
    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error>;

    /// `G v` at the linearised point, with the Gauss-Newton matrix `G = J' B J` of a loss of model outputs: J their derivative by
    /// the parameters, B the Hessian of the loss by the outputs. An L2 term counts in full.
    ///
    /// # Errors
    /// As for `curvature`; [`Error::Unsupported`] from an objective that knows of no outputs, as here.
    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        let _ = (v, out);
        Err(Error::Unsupported { probe: Probe::GaussNewtonVector })
    }

    /// The loss at `w`, by a forward pass alone.
    ///
    /// # Errors
    /// [`Error::NonFinite`], [`Error::Length`].
    fn loss(&mut self, w: &[T]) -> Result<f64, Error>;

    /// What each call costs, in evaluations of `loss`.
    fn costs(&self) -> Costs {
        Costs::NOMINAL
    }
}
