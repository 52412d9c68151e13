//! Checkpoints: all that a run needs to go on later bit-identically, in one file each.

mod error;
mod file;
mod folder;
mod read;
mod write;

pub use error::CheckpointError;
pub use file::{About, Checkpoint};
pub use folder::Checkpoints;
