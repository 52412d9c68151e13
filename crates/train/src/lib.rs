//! The training loop in memory: batches, the step, diagnostics, what is recorded, when to stop.
//!
//! Knows nothing of specs, files and the terminal.
#![forbid(unsafe_code)]

mod augment;
mod batches;
mod course;
pub mod engine;
mod error;
mod evaluator;
mod finding;
pub mod fit;
pub mod instruments;
mod judge;
mod layout;
mod look;
mod memory;
mod missing;
mod observed;
mod placement;
mod plan;
mod prepared;
mod problem;
mod record;
mod recorder;
pub mod samples;
mod stop;
mod training;
mod workload;

pub use augment::Augment;
pub use batches::{Batches, Last, Position};
pub use course::Course;
pub use error::Error;
pub use evaluator::{BestEvaluation, Evaluation, Evaluator, column};
pub use finding::{Finding, event_in_words};
pub use instruments::{Instruments, StepStart};
pub use judge::{Evidence, judge};
pub use layout::Layout;
pub use look::Look;
pub use memory::available_memory;
pub use placement::Placement;
pub use plan::{Diagnostics, Plan};
pub use prepared::{Prepared, Trained, Watch};
pub use problem::{Element, Problem, layouts, target};
pub use record::{COLUMNS, Column, Record};
pub use recorder::Recorder;
pub use stop::StopReason;
pub use training::{Advance, Outcome, Snapshot, Training, train};
pub use workload::Workload;
