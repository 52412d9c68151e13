//! What a model is and what its derivatives are: a hash-consed graph of tensor operations, and transforms from graph
//! to graph: [`jvp`], [`transpose`], [`gradient`], [`hessian_vector`] and [`curvature`].
//!
//! Knows nothing of kernels, threads or data. Each op also states its meaning in plain f64 code, so that the
//! [`reference`](mod@reference) evaluator can check every rule and every kernel.
#![forbid(unsafe_code)]

mod attributes;
mod bytes;
pub mod check;
mod error;
mod formula;
mod graph;
mod loss_graph;
mod margins;
mod op;
pub mod ops;
pub mod reference;
mod shape;
mod transform;
mod window;

pub use attributes::{Attributes, Matmul, Scan};
pub use error::Error;
pub use formula::{Formula, Value};
pub use graph::{Graph, Node, NodeId};
pub use loss_graph::LossGraph;
pub use margins::Margins;
pub use op::{Argument, Case, Class, Domain, Op, Rule, Simplify};
pub use shape::{Misfit, Shape};
pub use transform::{
    Gradient, Shifted, Tangents, curvature, gauss_newton, gradient, hessian_vector, jvp, read_through, substitute,
    transpose,
};
pub use window::Window;
