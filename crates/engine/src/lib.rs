//! Runs graphs on CPUs, chunk by chunk, and gives an objective with exact gradient, curvature and H v.
//!
//! Knows nothing of models, files or experiments: it takes a loss as a graph and examples as numbers. The only crate
//! with unsafe code, in the matrix products and the convolutions.

mod areas;
mod chunks;
mod compiled;
mod error;
mod examples;
mod forward;
mod fused;
mod gauss_newton;
mod indices;
mod kept;
mod kernels;
mod lanes;
mod objective;
mod options;
mod peers;
mod piece;
mod plan;
mod precision;
mod program;
mod rehearsal;
mod report;
mod run;
mod shifted;
mod square_product;
mod sweep;
mod team;
mod tree;

pub use error::Error;
pub use examples::{Examples, Field};
pub use forward::Forward;
pub use kernels::Element;
pub use objective::{BuildLoss, DataObjective, Means};
pub use options::Options;
pub use peers::Peers;
pub use rehearsal::Rehearsal;
pub use report::{Report, StageReport, StepReport};
pub use square_product::square_product;
pub use tree::share;
