//! What can go wrong between a setting and a data set, by what it is about.

mod array;
mod download;
mod examples;
mod file;
mod image;
mod table;
mod text;

use std::path::Path;

pub use array::ArrayError;
pub use download::DownloadError;
pub use examples::ExamplesError;
pub use file::FileError;
pub use image::ImageError;
pub use table::TableError;
pub use text::TextError;

/// What can go wrong between a setting and a data set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is unknown, missing, of the wrong type or out of range.
    #[error(transparent)]
    Setting(#[from] onedge_registry::Error),
    /// A file or folder cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Examples do not fit each other, or what is done to them.
    #[error(transparent)]
    Examples(#[from] ExamplesError),
    /// A table cannot be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A text cannot be used.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Images cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A file could not be fetched.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// An array in memory cannot be used.
    #[error(transparent)]
    Array(#[from] ArrayError),
}

impl Error {
    /// Whether the system or a server failed, or somebody asked to end, so that the same may do another time.
    pub fn is_failure(&self) -> bool {
        use DownloadError::{CutOff, Network, Stalled};
        matches!(
            self,
            Self::File(FileError::Io { .. }) | Self::Download(Network { .. } | CutOff { .. } | Stalled { .. })
        ) || self.is_interruption()
    }

    /// Whether a download, or the decoding of images, was asked to end.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Download(DownloadError::Interrupted { .. }) | Self::Image(ImageError::Stopped { .. }))
    }

    /// The error for `source` when `action` was tried on `path`.
    pub(crate) fn io(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        Self::File(FileError::Io { path: path.to_owned(), action, source })
    }

    /// The error for sizes whose product does not fit.
    pub(crate) fn too_large(origin: &str, sizes: &[u64]) -> Self {
        let sizes = sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
        Self::Examples(ExamplesError::TooLarge { origin: origin.to_owned(), sizes })
    }
}
