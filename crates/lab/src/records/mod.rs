//! What a run leaves on disk: step records that survive a kill at any moment, a summary and the files beside them.

mod directory;
mod reader;
mod record;
mod rows;
mod summary;
mod writer;

pub use directory::{RunDirectory, check_writable, write_through, write_whole};
pub use reader::{Steps, read_steps};
pub use record::{COLUMNS, Column, Record};
pub use rows::{Row, Rows};
pub use summary::{StopReason, Summary, final_loss};
pub use writer::StepWriter;
