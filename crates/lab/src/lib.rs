//! Experiments: specs, runs, the records they leave, and tables and pictures of them.
//!
//! Knows nothing of the command line. It is the only library crate with clocks, seeds and files of its own.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod compare;
mod error;
pub mod export;
pub mod figures;
pub mod fit;
pub mod forecast;
pub mod generate;
pub mod labels;
pub mod measure;
pub mod params;
pub mod plot;
pub mod records;
pub mod run;
pub mod spec;
pub mod store;
pub mod sweep;
pub mod table;

pub use error::{Error, advice_on_writing};
