//! Optimizers (gradient to update), tuners (line to learning rate) and the training step that joins them.
//!
//! Knows nothing of models, data, clocks or files: it sees an [`Objective`](onedge_objective::Objective) and flat
//! vectors. A tuner does not even see vectors, only a [`Line`].
#![forbid(unsafe_code)]

mod error;
mod events;
mod line;
mod optimizer;
pub mod optimizers;
mod probes;
mod report;
mod state;
mod step;
mod trainer;
mod tuner;
pub mod tuners;

pub use error::Error;
pub use events::Events;
pub use line::Line;
pub use optimizer::Optimizer;
pub use probes::Metric;
pub use report::StepReport;
pub use state::{Reader, State};
pub use step::Step;
pub use trainer::{Trainer, TrainerState};
pub use tuner::Tuner;
