//! From a spec to a finished run.

mod augment;
mod batches;
pub(crate) mod engine;
mod execute;
mod fork;
pub(crate) mod instruments;
mod library;
mod memory;
mod observed;
mod origin;
mod plan;
mod problem;
mod resume;
#[cfg(test)]
pub(crate) mod samples;
mod session;
mod train;
mod workload;

pub use augment::Augment;
pub use batches::{Batches, Last, Position};
pub(crate) use execute::file_name;
pub use execute::{Besides, Finished, Place, Request, check, check_all, execute, execute_until, plan};
pub use fork::{Branch, fork};
pub use instruments::{Instruments, Left};
pub use library::{Library, Shelf};
pub use plan::{Diagnostics, Plan};
pub use problem::{Element, Problem};
pub(crate) use problem::{layouts, network, target};
pub use resume::{Begun, resume, resume_until};
pub use train::{Hooks, Outcome, Pause, Snapshot, Training, train};
pub use workload::Workload;
