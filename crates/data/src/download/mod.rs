//! Fetching published files once, verified, into a cache folder.

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The name of the file.
    pub file: &'a str,
    /// Bytes on disk, those of an earlier, interrupted attempt included.
    pub received: u64,
    /// The size of the whole file, if known.
    pub total: Option<u64>,
}
