use super::ImageFault;
use super::exif::Orientation;

/// The pixels of an image as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Across.
    pub width: usize,
    /// Down.
    pub height: usize,
    /// Three bytes a pixel, row by row.
    pub rgb: Vec<u8>,
    /// What makes them upright.
    pub orientation: Orientation,
}

/// The most pixels that are decoded: a few bytes can state any size, and each thread holds one image.
pub const MOST_PIXELS: usize = 1 << 26;

/// Checks sizes before anything is made for them.
pub fn require_pixels(width: usize, height: usize) -> Result<(), ImageFault> {
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MOST_PIXELS => Ok(()),
        _ => Err(ImageFault::Pixels { width, height, most: MOST_PIXELS }),
    }
}
