use std::path::PathBuf;
use std::time::Duration;

/// What can go wrong on the way from a server. `origin` is a path or the name of a data set.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
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
