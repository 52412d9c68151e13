use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How far a download, or the decoding of images, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The name of the file, or of the folder of images.
    pub file: &'a str,
    /// What is counted.
    pub unit: Unit,
    /// Bytes on disk, those of an earlier, interrupted attempt included; or images decoded.
    pub received: u64,
    /// The size of the whole file, or the number of all images.
    pub total: u64,
}

/// What a [`Progress`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Those of a file that is fetched.
    Bytes,
    /// Those that are decoded.
    Images,
}

/// Who looks on while a file is fetched or images are decoded, and when it ends early.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Called at the start and with every piece that came or image that was decoded.
    pub progress: Option<&'a dyn Fn(Progress<'_>)>,
    /// Once this is true it ends within a fraction of a second.
    pub interrupt: Option<&'a AtomicBool>,
    /// How long a server may send nothing in the middle of a file.
    pub patience: Duration,
}

impl Default for Watch<'_> {
    /// Nobody looks on, and a silent server is borne for 30 seconds.
    fn default() -> Self {
        Self { progress: None, interrupt: None, patience: Duration::from_secs(30) }
    }
}
