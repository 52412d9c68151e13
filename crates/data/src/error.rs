use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::readers::images::ImageFault;

/// What can go wrong between a setting and a data set. `origin` is a path or the name of a data set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is unknown, missing, of the wrong type or out of range.
    #[error(transparent)]
    Setting(#[from] onedge_registry::Error),
    /// A file or folder is not there.
    #[error("{}: not found, expected {expected}; try {advice}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What to do about it.
        advice: String,
    },
    /// The system refused to read or write.
    #[error("{}: could not {action}, {source}; try checking permissions and free space", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: "read", "write", "rename".
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file ends early.
    #[error("{origin}: truncated {what}, expected {expected} bytes, got {got}; try fetching the file again")]
    Truncated {
        /// The file.
        origin: String,
        /// The part that is cut off.
        what: String,
        /// The bytes that part must have.
        expected: u64,
        /// The bytes it has.
        got: u64,
    },
    /// A text that is not UTF-8.
    #[error("{origin}: not UTF-8 at byte {offset}, expected text in UTF-8; try converting it, as with iconv -t UTF-8")]
    NotUtf8 {
        /// The file.
        origin: String,
        /// The first byte that is wrong, from 0.
        offset: usize,
    },
    /// A text with fewer characters than an example needs.
    #[error(
        "{origin}: too short, expected at least {expected} characters for a context of {context}, got {got}; try a smaller context"
    )]
    ShortText {
        /// The file, or the part of it that is set aside.
        origin: String,
        /// Characters that one example needs.
        expected: usize,
        /// Positions of an example.
        context: usize,
        /// The characters there are.
        got: usize,
    },
    /// Something is left after the end.
    #[error(
        "{origin}: bytes after the end of {what}, expected {expected} bytes, got more; try fetching the file again"
    )]
    Trailing {
        /// The file.
        origin: String,
        /// The part that should be last.
        what: String,
        /// The bytes it must have.
        expected: u64,
    },
    /// A compressed file or an archive does not decode.
    #[error("{origin}: damaged or truncated {format} ({reason}), expected a complete file; try fetching it again")]
    Damaged {
        /// The file.
        origin: String,
        /// `gzip` or `tar`.
        format: &'static str,
        /// The decoder's reason.
        reason: String,
    },
    /// A file is not of the format that is read.
    #[error("{origin}: wrong {what}, expected {expected}, got {got}; try another file or data set name")]
    Format {
        /// The file.
        origin: String,
        /// The field: "magic number", "dimensions".
        what: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// Two parts that belong together have different sizes.
    #[error("{origin}: {what}, expected {expected}, got {got}; try files that belong together")]
    Mismatch {
        /// The second part.
        origin: String,
        /// What differs.
        what: String,
        /// What the first part asks for.
        expected: String,
        /// What the second part has.
        got: String,
    },
    /// A size exceeds what this machine can address or allocate.
    #[error("{origin}: sizes {sizes} are too large, expected a product that fits memory; try fewer examples")]
    TooLarge {
        /// The file or data set.
        origin: String,
        /// The sizes, as `a x b`.
        sizes: String,
    },
    /// A size that must not be zero.
    #[error("{origin}: {what}, expected sizes of one or more, got {got}; try a positive number")]
    Size {
        /// The data set.
        origin: String,
        /// Which sizes: "input shape", "widths".
        what: &'static str,
        /// All of them.
        got: String,
    },
    /// There is nothing to train on.
    #[error("{origin}: expected at least one example, got none; try another file or a larger subset")]
    NoExamples {
        /// The file or data set.
        origin: String,
    },
    /// An array in memory that cannot be used.
    #[error(transparent)]
    Array(#[from] crate::ArrayError),
    /// A label is not below the number of classes.
    #[error("{origin}: label of example {example} out of range, expected 0..{classes}, got {label}; try correcting it")]
    Label {
        /// The file or data set.
        origin: String,
        /// The example, from 0.
        example: usize,
        /// The label.
        label: u32,
        /// The number of classes.
        classes: usize,
    },
    /// A file or folder among images that cannot be used.
    #[error("{}: {fault}", path.display())]
    Image {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        fault: ImageFault,
    },
    /// The decoding of images was asked to end.
    #[error("{origin}: interrupted, expected {expected} images, got {got}; try again")]
    Stopped {
        /// The data set.
        origin: String,
        /// The images to decode.
        expected: usize,
        /// Those decoded.
        got: usize,
    },
    /// A NaN or infinity among inputs or targets.
    #[error(
        "{origin}: {what} row {row}, column {column}: expected a finite number, got {value}; try removing that row"
    )]
    NonFinite {
        /// The file or data set.
        origin: String,
        /// `inputs` or `targets`.
        what: &'static str,
        /// The example, from 0.
        row: usize,
        /// The feature or output, from 0.
        column: usize,
        /// The value.
        value: f32,
    },
    /// A row of a table has too few or too many cells.
    #[error("{origin}:{line}: ragged row, expected {expected} cells, got {got}; try checking the delimiter and quotes")]
    Ragged {
        /// The file.
        origin: String,
        /// The line, from 1.
        line: u64,
        /// The cells of the first row.
        expected: usize,
        /// The cells of this row.
        got: usize,
    },
    /// A table without inputs, most often one with another delimiter.
    #[error("{origin}:{line}: only one column, expected a target and one input or more, got `{row}`; try {advice}")]
    OneColumn {
        /// The file.
        origin: String,
        /// The line of the first row, from 1.
        line: u64,
        /// The only cell of that row.
        row: String,
        /// What to do about it.
        advice: String,
    },
    /// A quoted cell that does not end where a cell may end.
    #[error(
        "{origin}:{line}: a double quote opens a cell, expected one that closes it, got {got}; try closing it, or \
         removing it"
    )]
    Quote {
        /// The file.
        origin: String,
        /// The line, from 1, on which the quote opens.
        line: u64,
        /// What there is instead.
        got: String,
    },
    /// A cell of a table that does not hold what its column asks for.
    #[error("{origin}:{line}: column {column} (`{name}`): expected {expected}, got `{cell}`; try {advice}")]
    Cell {
        /// The file.
        origin: String,
        /// The line, from 1.
        line: u64,
        /// The column, from 0.
        column: usize,
        /// The name of the column.
        name: String,
        /// What it must hold.
        expected: &'static str,
        /// What it holds.
        cell: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// A column that the table does not have.
    #[error("{origin}: no column `{column}`, expected one of {known}; try {nearest}")]
    Column {
        /// The file.
        origin: String,
        /// The column asked for.
        column: String,
        /// The columns there are.
        known: String,
        /// The nearest of them.
        nearest: String,
    },
    /// A subset larger than what it is taken from.
    #[error("{origin}: subset too large, expected at most {available} examples of {what}, got {wanted}; try fewer")]
    Subset {
        /// The data set.
        origin: String,
        /// Of what: "all classes", "class `dog`".
        what: String,
        /// The examples asked for.
        wanted: usize,
        /// The examples there are.
        available: usize,
    },
    /// A transform that does not apply to this data set.
    #[error("{origin}: {what} does not apply, expected {expected}, got {got}; try {advice}")]
    Inapplicable {
        /// The data set.
        origin: String,
        /// The transform and its setting.
        what: String,
        /// What it needs.
        expected: String,
        /// What the data set is.
        got: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// A server did not send the file.
    #[error("{url}: download failed, expected status 200 or 206, got {reason}; try again later or another `mirror`")]
    Network {
        /// The address.
        url: String,
        /// The status or the reason.
        reason: String,
    },
    /// A transfer ended early; what came is kept.
    #[error("{url}: transfer cut off, expected {expected} bytes, got {got}; try again, it resumes where it stopped")]
    CutOff {
        /// The address.
        url: String,
        /// The bytes the file has.
        expected: u64,
        /// The bytes on disk.
        got: u64,
    },
    /// A server sent nothing for too long; what came is kept.
    #[error(
        "{url}: nothing came for {waited:?}, expected {expected} bytes, got {got}; try again, it resumes where it stopped"
    )]
    Stalled {
        /// The address.
        url: String,
        /// How long.
        waited: Duration,
        /// The bytes the file has.
        expected: u64,
        /// The bytes on disk.
        got: u64,
    },
    /// A transfer was asked to end; what came is kept.
    #[error("{url}: interrupted, expected {expected} bytes, got {got}; try again, it resumes where it stopped")]
    Interrupted {
        /// The address.
        url: String,
        /// The bytes the file has.
        expected: u64,
        /// The bytes on disk.
        got: u64,
    },
    /// Another process holds the partial file.
    #[error("{}: another process is fetching this file, expected to be the only one; try again later", path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },
    /// What came is not the file; it was removed.
    #[error("{url}: wrong checksum, expected sha-256 {expected}, got {got}; try again or another `mirror`")]
    Checksum {
        /// The address.
        url: String,
        /// The published sum.
        expected: String,
        /// The sum of what came.
        got: String,
    },
}

impl Error {
    /// The error for `source` when `action` was tried on `path`.
    pub(crate) fn io(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), action, source }
    }

    /// The error for sizes whose product does not fit.
    pub(crate) fn too_large(origin: &str, sizes: &[u64]) -> Self {
        let sizes = sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
        Self::TooLarge { origin: origin.to_owned(), sizes }
    }
}
