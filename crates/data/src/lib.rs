//! Data sets as rows of numbers: readers, transforms, generators, verified downloads and two embedded defaults.
//!
//! Knows nothing of graphs, models or training: it hands over a [`Split`] and is done.
#![forbid(unsafe_code)]

mod arrays;
mod dataset;
mod error;
mod excerpt;
mod fresh;
mod meaning;
mod pieces;
mod reals;
mod split;
mod summary;
mod vocabulary;

pub mod datasets;
pub mod download;
pub mod generators;
pub mod readers;
pub mod table;
pub mod transforms;

pub use arrays::{Label, Numbers};
pub use dataset::{Dataset, Targets, Task};
pub use datasets::{Build, Context};
pub use download::{Progress, Unit, Watch};
pub use error::{ArrayError, DownloadError, Error, ExamplesError, FileError, ImageError, TableError, TextError};
pub use fresh::{Fresh, Known, Wanted};
pub use meaning::{Answers, Meaning, Scaling, StoredVocabulary};
pub use pieces::Pieces;
pub use reals::{Precision, Reals};
pub use split::Split;
pub use summary::{Numbers as NumbersSummary, PartSummary, Summary};
pub use vocabulary::Vocabulary;
