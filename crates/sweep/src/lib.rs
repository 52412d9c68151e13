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
mod place;
mod report;
mod run;
mod save;
mod section;
mod trials;
mod workers;

pub use axes::Axes;
pub use claims::Owner;
pub use error::Error;
pub use file::Sweep;
pub use give_up::GiveUp;
pub use map::{Map, RELATIVE_LOSS};
pub use place::{Damaged, Done, Hopeless, find, folder, is_at_end};
pub use report::{Counts, Report};
pub use run::{run, survey};
pub use trials::Trial;
pub use workers::{Event, Share, Status, Workers, runs_of};
