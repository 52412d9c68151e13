//! The hub: a loss on a flat parameter vector, with its gradient, its curvature along a direction and its Hessian.
//!
//! Knows nothing of graphs, models or data: an analytic function, a foreign framework or a cluster of ranks can be
//! an [`Objective`] too.
#![forbid(unsafe_code)]

mod cost;
mod error;
mod fn_objective;
mod layer;
mod loops;
mod objective;
mod part;
mod real;
mod sampled;
mod shelf;
mod state;
pub mod vector;

pub use cost::Costs;
pub use error::{Error, Probe};
pub use fn_objective::FnObjective;
pub use layer::Layer;
pub use objective::Objective;
pub use part::Part;
pub use real::{Real, by_precision};
pub use sampled::Sampled;
pub use shelf::{Shelf, Slot};
pub use state::{Reader, State, StateError};
