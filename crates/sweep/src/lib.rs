//! Sweeps: many runs of one experiment, done once each by any number of workers, and what they tell.
//!
//! Knows nothing of figures and of the terminal.
#![forbid(unsafe_code)]

mod axes;
mod claims;
pub mod compare;
mod draw;
mod error;
mod fields;
mod file;
mod give_up;
mod host;
mod map;
mod metric;
mod place;
mod plan;
mod report;
mod run;
mod save;
mod section;
mod status;
mod trials;
mod watch;
mod workers;

pub use axes::Axes;
pub use claims::Owner;
pub use error::Error;
pub use file::Sweep;
pub use give_up::GiveUp;
pub use map::{Map, RELATIVE_LOSS, check_value};
pub use metric::Metric;
pub use place::{find, folder, is_at_end, recall};
pub use plan::{PLAN, Plan, Planned, SWEEP_FOLDER, Worker, workers};
pub use report::{Counts, Report};
pub use run::{run, survey};
pub use section::KEYS;
pub use status::{Damaged, Done, Hopeless, Status};
pub use trials::Trial;
pub use watch::Watch;
pub use workers::{Event, Share, Workers, runs_of};
