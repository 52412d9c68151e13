use std::fmt;
use std::path::PathBuf;

use onedge_record::{StopReason, Summary};

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// At its end, by this worker or another, now or before.
    Done(Box<Done>),
    /// Begun here and ended early, by an interruption or a failure.
    Broken(StopReason),
    /// At its end once, with a folder that cannot be read by now: as good as open.
    Damaged(Damaged),
    /// Not begun here and not at its end elsewhere.
    Open,
}

/// A run that came to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// Its folder.
    pub folder: PathBuf,
    /// How it went.
    pub summary: Summary,
}

/// A file of a run at its end that is not as it was written: the run counts as open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: cannot be read ({})", self.path.display(), self.what)
    }
}

/// What a run is that was given up as hopeless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hopeless {
    /// At its end.
    Ended,
    /// Not what is wanted: it is to be done to its end.
    Unwanted,
}
