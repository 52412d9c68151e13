//! Experiments: specs, runs, the records they leave, and tables and pictures of them.
//!
//! Knows nothing of the command line. It is the only library crate with clocks, seeds and files of its own.
#![forbid(unsafe_code)]

mod error;
pub mod plot;
pub mod records;
pub mod table;

pub use error::Error;
