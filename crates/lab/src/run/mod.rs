//! From a spec to a finished run.

mod batches;
mod execute;
mod l2;
mod library;
mod problem;
mod reference;
#[cfg(test)]
pub(crate) mod samples;
mod train;
mod workload;

pub use batches::Batches;
pub use execute::{Finished, Place, Request, execute, plan};
pub use l2::WithL2;
pub use library::Library;
pub use problem::{Element, Problem};
pub use train::{Diagnostics, Hooks, Outcome, Plan, train};
pub use workload::Workload;
