use std::error::Error;
use std::fmt;
use std::path::Path;

/// Told of runs as they begin and end: an index of them. A run goes on whatever happens to it.
pub trait Register: fmt::Debug + Sync {
    /// The run in `folder` has begun, and its spec is there; or it has ended, and its summary is there.
    ///
    /// # Errors
    /// Whatever keeps it from being noted; the run goes on.
    fn note(&self, folder: &Path) -> Result<(), Box<dyn Error>>;
}
