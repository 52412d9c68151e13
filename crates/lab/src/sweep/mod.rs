//! Sweeps: many runs of one experiment, done once each by any number of workers, and what they tell.

mod axes;
mod claims;
mod draw;
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
pub use file::Sweep;
pub use give_up::GiveUp;
pub use map::{Map, RELATIVE_LOSS};
pub use place::{Damaged, Done, Hopeless, find, folder};
pub(crate) use place::{is_at_end, is_unfinished};
pub use report::{Counts, Report};
pub use run::{run, survey};
pub use trials::Trial;
pub use workers::{Event, Share, Status, Workers, runs_of};
