use std::path::PathBuf;

/// What keeps a picture from being made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be drawn.
    #[error("{}: {message}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// It cannot be written.
    #[error(transparent)]
    Record(#[from] onedge_record::Error),
}

impl Error {
    /// Whether the request was wrong, rather than that something failed on the way.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Picture { .. } => true,
            Self::Record(error) => error.is_misuse(),
        }
    }
}
