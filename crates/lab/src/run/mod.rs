//! From a spec to a finished run.

mod augment;
mod batches;
pub(crate) mod engine;
mod execute;
pub(crate) mod instruments;
mod library;
mod memory;
mod problem;
#[cfg(test)]
pub(crate) mod samples;
mod train;
mod workload;

pub use augment::Augment;
pub use batches::{Batches, Last, Position};
pub(crate) use execute::file_name;
pub use execute::{Finished, Place, Request, check, execute, plan};
pub use instruments::{Instruments, Left};
pub use library::Library;
pub use problem::{Element, Problem};
pub(crate) use problem::{layouts, network};
pub use train::{Diagnostics, Hooks, Outcome, Plan, train};
pub use workload::Workload;
