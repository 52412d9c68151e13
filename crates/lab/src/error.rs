use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong around a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("{}: cannot write: {source}; try another place, or make room", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line of a records file that is no record.
    #[error("{}:{line}: no step record: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The folder for a new run holds something already.
    #[error("{}: expected a new or empty folder, got one with files in it; try another `--out`", .0.display())]
    RunExists(PathBuf),
    /// The folder holds no run.
    #[error("{}: expected a run folder with `steps.jsonl` in it, got none; try a folder under `runs`", .0.display())]
    NoRun(PathBuf),
    /// A run without a single record.
    #[error("{}: expected step records, got none; try a run that took at least one step", .0.display())]
    NoRecords(PathBuf),
    /// A spec that is no TOML, or TOML of the wrong form.
    #[error("{origin}: {message}")]
    Toml {
        /// The file or the flag.
        origin: String,
        /// What is wrong with it, and where.
        message: String,
    },
    /// A spec with a wrong name, key or value.
    #[error("{origin}: {source}")]
    Spec {
        /// The file or the flag.
        origin: String,
        /// What is wrong with it.
        source: onedge_registry::Error,
    },
    /// A list where one run needs one value.
    #[error("{origin}: {key}: expected one value, got {got}; try `onedge compare`, which runs them all")]
    Grid {
        /// The file or the flag.
        origin: String,
        /// The dotted key.
        key: String,
        /// The list.
        got: String,
    },
    /// A picture that cannot be drawn.
    #[error("{}: {message}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl Error {
    /// For `map_err` on reading `path`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// For `map_err` on writing `path`.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}
