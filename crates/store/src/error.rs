use std::path::{Path, PathBuf};

use onedge_text::{first_of, nearest_names};

/// What can go wrong with a store of runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The files of a run.
    #[error(transparent)]
    Record(#[from] onedge_record::Error),
    /// The index of runs cannot be used.
    #[error("{}: the index of runs cannot be used: {source}", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Another process has the index of runs, and keeps it.
    #[error("{}: expected the index of runs to be free within 10 s, got one that another process holds", .0.display())]
    IndexBusy(PathBuf),
    /// There is no folder of runs.
    #[error("{}: expected a folder with runs below it, got none; train one first, or name the folder where they are", .0.display())]
    NoStore(PathBuf),
    /// A filter that cannot be read.
    #[error("where: column {column}: expected {expected}, got {got}; try `tuner=cdat and final_loss<0.3`")]
    Filter {
        /// Counted in characters from 1.
        column: usize,
        /// What should be there.
        expected: String,
        /// What is.
        got: String,
    },
    /// A key that no run has or could have.
    #[error("{origin}: unknown key `{key}`, expected something known of runs; try {}", nearest_names(nearest))]
    UnknownKey {
        /// The flag.
        origin: String,
        /// The key.
        key: String,
        /// The nearest keys that there are.
        nearest: Vec<String>,
    },
    /// No run is called so.
    #[error("`{run}`: expected a folder, name or id of a run below {}, got none of them; {}", root.display(), hint(nearest))]
    UnknownRun {
        /// What it was called.
        run: String,
        /// Of the store.
        root: PathBuf,
        /// What runs are called that there are.
        nearest: Vec<String>,
    },
    /// Several runs are called so.
    #[error("`{run}`: expected one run below {}, got {}; try a folder: {}", root.display(), folders.len(), first_of(folders))]
    AmbiguousRun {
        /// What it was called.
        run: String,
        /// Of the store.
        root: PathBuf,
        /// All that could be meant.
        folders: Vec<String>,
    },
    /// A run that lies elsewhere.
    #[error("{}: expected a run below {}, got one that lies elsewhere; try the root that it lies below", run.display(), root.display())]
    NotInStore {
        /// Its folder.
        run: PathBuf,
        /// Of the store.
        root: PathBuf,
    },
    /// What is called like a file of a run, and is none.
    #[error("{}: expected a file that lies in the folder of its run, got {got}", path.display())]
    Foreign {
        /// Where it would be.
        path: PathBuf,
        /// What is there.
        got: &'static str,
    },
    /// A tag that is no plain word.
    #[error(
        "tag `{0}`: expected letters, digits and any of . _ - + : / @ #, beginning with a letter or digit; try `baseline`"
    )]
    Tag(String),
    /// A note that is too long, or has in it what is no text.
    #[error(
        "note: expected at most {most} characters without control characters, got {got} characters; try a shorter one, or a file beside it"
    )]
    Note {
        /// So many are allowed.
        most: usize,
        /// So many were given.
        got: usize,
    },
    /// An export that cannot be made.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// What keeps an export from being made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// This program was built without Parquet.
    #[error("parquet: expected a program that was built with the feature of this name, got one without; try csv")]
    NoParquet,
    /// An export of several files to where only one can go.
    #[error("tensorboard: expected a folder to write to, got none; try -o FOLDER")]
    NeedsFolder,
}

impl Error {
    /// Whether the request was wrong (a name, a key, a filter), rather than that something failed on the way.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Record(error) => error.is_misuse(),
            Self::Index { .. } | Self::IndexBusy(_) | Self::Foreign { .. } => false,
            _ => true,
        }
    }

    /// For `map_err` on the index at `path`.
    pub(crate) fn index(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self + '_ {
        move |source| Self::Index { path: path.to_owned(), source }
    }

    /// For `map_err` on reading `path`.
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| onedge_record::Error::read(path)(source).into()
    }

    /// For `map_err` on writing `path`.
    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| onedge_record::Error::write(path)(source).into()
    }
}

fn hint(nearest: &[String]) -> String {
    if nearest.is_empty() {
        "the list of runs has their names".to_owned()
    } else {
        format!("try {}", nearest_names(nearest))
    }
}
