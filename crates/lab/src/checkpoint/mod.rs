//! Checkpoints: all that a run needs to go on later with the same bits, in one file each.

mod cadence;
mod fault;
mod file;
mod fingerprint;
mod folder;
mod keeper;
mod read;
mod write;

pub use cadence::Cadence;
pub use fault::Fault;
pub use file::{About, Checkpoint};
pub(crate) use fingerprint::{hex, of_data};
pub use folder::Checkpoints;
pub(crate) use keeper::{Keeper, Kept};
