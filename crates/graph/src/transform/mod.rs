//! Derivatives: from graph to graph.

mod curvature;
mod gauss_newton;
mod gradient;
mod hessian_vector;
mod jvp;
mod polarise;
mod substitute;
mod transpose;

pub use curvature::curvature;
pub use gauss_newton::{gauss_newton, read_through};
pub use gradient::{Gradient, gradient};
pub use hessian_vector::hessian_vector;
pub use jvp::{Tangents, jvp};
pub use polarise::Shifted;
pub use substitute::substitute;
pub use transpose::transpose;
