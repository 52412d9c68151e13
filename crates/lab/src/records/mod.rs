//! What a run leaves on disk: step records that survive a kill at any moment, a summary and the files beside them.

mod directory;
mod lock;
mod reader;
mod record;
mod resumption;
mod rows;
mod summary;
mod whole;
mod writer;

pub use directory::RunDirectory;
pub use lock::RunLock;
pub(crate) use lock::{RUN_LOCK, lock_file, lock_within};
pub use reader::{Steps, read_steps};
pub use record::{COLUMNS, Column, Record};
pub use resumption::Resumption;
pub use rows::{Row, Rows};
pub use summary::{StopReason, Summary, final_loss};
pub(crate) use whole::{PART, sync_folder_of, write_whole_by};
pub use whole::{check_writable, write_through, write_whole};
pub use writer::StepWriter;
pub(crate) use writer::lines;
