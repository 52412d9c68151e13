use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a spec.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its file cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No TOML, or TOML of the wrong form.
    #[error("{origin}: {message}")]
    Toml {
        /// The file or the assignment.
        origin: String,
        /// What is wrong with it, and where.
        message: String,
    },
    /// A wrong name, key or value.
    #[error("{origin}: {source}")]
    Spec {
        /// The file or the assignment.
        origin: String,
        /// What is wrong with it.
        source: Box<onedge_registry::Error>,
    },
    /// A grid of more runs than anybody means.
    #[error("{origin}: the lists span a grid of {points} runs, expected at most {most}; try shorter lists")]
    GridSize {
        /// The file.
        origin: String,
        /// How many runs.
        points: u64,
        /// How many are allowed.
        most: u64,
    },
    /// A list where one run needs one value.
    #[error("{origin}: {key}: expected one value, got {got}; a list spans a grid of runs; try one of its values")]
    Grid {
        /// The file or the assignment.
        origin: String,
        /// The dotted key.
        key: String,
        /// The list.
        got: String,
    },
    /// A path that means one file seen from the current folder, and another one seen from that of the spec.
    #[error("{origin}: {key}: expected one file, got two of that name: {} and {}; try the whole path of the one that is meant", one.display(), other.display())]
    TwoFiles {
        /// The spec.
        origin: String,
        /// The dotted key.
        key: String,
        /// In the current folder.
        one: PathBuf,
        /// In that of the spec.
        other: PathBuf,
    },
}

impl Error {
    /// For `map_err`: a wrong name, key or value in the spec that `origin` names.
    pub fn spec(origin: &str) -> impl Fn(onedge_registry::Error) -> Self + '_ {
        |source| Self::Spec { origin: origin.to_owned(), source: Box::new(source) }
    }

    /// For `map_err` on reading `path`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_owned(), source }
    }
}
