//! A loss on several processes (ranks) at once, to the bits of one: one rank leads and has the run, the others compute their lanes of each
//! batch and send their sums.
//!
//! Knows nothing of specs, files or the terminal. Only the file `mpi.rs` knows of MPI; all else speaks to a [`Communicator`].
#![forbid(unsafe_code)]

mod call;
mod communicator;
mod error;
mod holding;
mod links;
#[cfg(feature = "mpi")]
mod mpi;
mod network;
mod place;
mod ranks;
mod seat;
mod serve;
mod shelf;
mod spread;
mod threads;

pub use communicator::Communicator;
pub use error::Error;
pub use links::{Link, Links, measure_links};
#[cfg(feature = "mpi")]
pub use mpi::{Mpi, is_launched};
pub use network::{Network, Reply};
pub use place::Place;
pub use ranks::Ranks;
pub use serve::serve;
pub use spread::Spread;
pub use threads::in_threads;
