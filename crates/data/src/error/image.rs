use std::path::PathBuf;

use crate::readers::images::ImageFault;

/// What is wrong with a folder of images. `origin` is a path or the name of a data set.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file or folder among images that cannot be used.
    #[error("{}: {fault}", path.display())]
    File {
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
}
