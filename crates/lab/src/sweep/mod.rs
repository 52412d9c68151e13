//! Sweeps: many runs of one experiment, done once each by any number of workers, and what they tell.

mod claims;
mod draw;
mod file;
mod give_up;
mod host;
mod place;
mod run;
mod trials;

pub use claims::Owner;
pub use file::Sweep;
pub use give_up::GiveUp;
pub use place::{Done, Hopeless, find, folder};
pub use run::{Event, Share, Status, Workers, run, survey};
pub use trials::Trial;
