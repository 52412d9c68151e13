/// What is wrong with a file or folder among images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageFault {
    /// A file in a place where only folders belong.
    #[error("a file, expected only folders here, one for each class; try moving it elsewhere")]
    Stray,
    /// A folder among the images of a class.
    #[error("a folder, expected only images here, in the folder of a class; try moving it elsewhere")]
    Nested,
    /// A pipe, a device or a link to nowhere.
    #[error("no regular file, expected an image; try moving it elsewhere")]
    Special,
    /// A folder of a class with nothing in it.
    #[error("no images in the folder of this class, expected one or more; try adding some, or removing the folder")]
    Empty,
    /// Too few folders.
    #[error(
        "too few classes, expected two folders or more, got {got}; try the folder that holds one folder for each class"
    )]
    FewClasses {
        /// How many there are.
        got: usize,
    },
    /// A folder of the test set whose name no folder of the training set has.
    #[error("no class of the training set, expected one of {known}; try renaming or removing it")]
    UnknownClass {
        /// The classes there are.
        known: String,
    },
    /// A file whose name is not that of an image.
    #[error(
        "no name of an image, expected one that ends in .png, .jpg or .jpeg; try moving it elsewhere, or converting it"
    )]
    Name,
    /// A file that is not what its name says.
    #[error("{got} by its first bytes, expected PNG or JPEG; try converting it, or fetching it again")]
    Content {
        /// What it is, as far as that is known.
        got: &'static str,
    },
    /// A file that ends early.
    #[error("truncated {format}, expected the whole image; try fetching the file again")]
    Truncated {
        /// `PNG` or `JPEG`.
        format: &'static str,
    },
    /// A file that the decoder refuses.
    #[error("unreadable {format} ({reason}), expected one that decodes; try fetching or converting it again")]
    Unreadable {
        /// `PNG` or `JPEG`.
        format: &'static str,
        /// The decoder's reason.
        reason: String,
    },
    /// More than a byte for a channel.
    #[error("16 bits for each channel, expected 8; try converting it, as with `magick IN -depth 8 OUT`")]
    Depth,
    /// More than one image in one file.
    #[error("animated, with {frames} frames, expected a still image; try saving one of them")]
    Animated {
        /// How many images.
        frames: u32,
    },
    /// More pixels than are decoded.
    #[error("{width} x {height} pixels, expected at most {most} in all; try shrinking it")]
    Pixels {
        /// Across.
        width: usize,
        /// Down.
        height: usize,
        /// The limit on their product.
        most: usize,
    },
    /// A file longer than any image that is decoded.
    #[error("{bytes} bytes long, expected at most {most}; try shrinking or converting it")]
    Bytes {
        /// Of the file.
        bytes: u64,
        /// The limit.
        most: u64,
    },
}
