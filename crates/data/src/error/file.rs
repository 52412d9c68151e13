use std::path::PathBuf;

/// What is wrong with a file or a folder, as bytes. `origin` is a path or the name of a data set.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
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
    /// A compressed file holds more than is taken.
    #[error("{origin}: more than {most} MiB once unpacked, expected at most {bound}; try {advice}")]
    Unpacked {
        /// The file.
        origin: String,
        /// The limit in MiB.
        most: u64,
        /// Where the limit is from.
        bound: String,
        /// What to do about it.
        advice: String,
    },
    /// A file is of a format that is known and not read.
    #[error("{origin}: {got}, expected {expected}; try {advice}")]
    Foreign {
        /// The file.
        origin: String,
        /// What it is.
        got: String,
        /// What it must be.
        expected: String,
        /// What to do about it.
        advice: String,
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
}
