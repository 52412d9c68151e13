//! What a run leaves on disk: step records that survive a kill at any moment, checkpoints, parameters, a summary and the
//! files beside them.
//!
//! Knows nothing of how a run is done, of indexes and of pictures.
#![forbid(unsafe_code)]

pub mod checkpoint;
mod cut_back;
mod directory;
mod disk;
mod error;
mod lines;
mod lock;
pub mod params;
mod reader;
mod register;
mod resumption;
mod rows;
mod summary;
mod summary_fields;
mod survey;
mod thinned;
mod whole;
mod writer;

pub use directory::{RunDirectory, UNFINISHED};
pub use error::{Error, ParameterError};
pub use lock::{RUN_LOCK, RunLock, Taken, lock_file, lock_within};
pub use onedge_train::{BestEvaluation, COLUMNS, Column, Finding, Record, StopReason, event_in_words};
pub use reader::{Steps, read_steps};
pub use register::Register;
pub use resumption::Resumption;
pub use rows::{Row, Rows};
pub use summary::{Summary, final_loss};
pub use summary_fields::SUMMARY;
pub use survey::{Expected, Survey};
pub use thinned::Thinned;
pub use whole::{PART, check_writable, sync_folder_of, write_through, write_whole, write_whole_by};
pub use writer::StepWriter;
