use std::path::PathBuf;

use onedge_train::StopReason;

/// What can be wrong about a run that is to go on, or to be forked.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The fork of a run has lost the checkpoint that it began with.
    #[error("{}: a fork begins with a checkpoint, got none; try forking the run again", .0.display())]
    NoBeginning(PathBuf),
    /// A run whose spec was changed after it began.
    #[error("{origin}: {key} was {before} and is {now}; try setting it back, or a fork of the run to change it")]
    OtherSetting {
        /// The spec.
        origin: String,
        /// The dotted key.
        key: String,
        /// Its value in the checkpoint.
        before: String,
        /// Its value in the spec.
        now: String,
    },
    /// Examples that changed after a run began.
    #[error("{origin}: the examples are not those that the run was trained on; try {}", onward.advice(place))]
    OtherData {
        /// The spec.
        origin: String,
        /// The setting that says where they are: `data.path`.
        place: String,
        /// What else can be done.
        onward: Onward,
    },
    /// A file of parameters that changed after a run began.
    #[error("{}: expected the file that the run started from, with SHA-256 {expected}, got another; try putting it back", path.display())]
    OtherStart {
        /// The file.
        path: PathBuf,
        /// Its checksum when the run began.
        expected: String,
    },
    /// A run that does not repeat what it recorded.
    #[error("{}: step {step} was repeated with {what} {got}, and {expected} is recorded; settings or data have changed since: put them back, or start anew", run.display())]
    OtherRecords {
        /// Its folder.
        run: PathBuf,
        /// The step.
        step: u64,
        /// Of what: loss or learning rate.
        what: &'static str,
        /// As recorded.
        expected: f64,
        /// As repeated.
        got: f64,
    },
    /// A run that has ended for good.
    #[error("{}: nothing to resume: {stop}", run.display())]
    Ended {
        /// Its folder.
        run: PathBuf,
        /// How.
        stop: StopReason,
    },
    /// Work before training that was interrupted.
    #[error("{what}: interrupted")]
    Interrupted {
        /// What it was.
        what: String,
    },
}

/// What can be done with data that are not those of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onward {
    /// Train on with them from the last checkpoint, which is of this step.
    Fork(u64),
    /// Train on them from the beginning.
    Anew,
    /// Have them read as new examples, by what the run has learned.
    Named,
    /// Hand in others, as these are arrays in memory.
    Arrays,
}

impl Onward {
    /// In words; `place` is the setting that says where data are.
    fn advice(self, place: &str) -> String {
        let else_where = format!("`{place}` set to where these are, or ");
        match self {
            Self::Fork(step) => format!(
                "{else_where}a fork of the run at step {step}, where its last checkpoint is, which trains on with the examples of now"
            ),
            Self::Anew => format!("{else_where}a new run"),
            Self::Named => format!("{else_where}to the new ones, which are then read by what the run has learned"),
            Self::Arrays => "the arrays of that run, or another folder".to_owned(),
        }
    }
}

impl ResumeError {
    /// Whether the request was wrong, rather than that something failed on the way.
    pub fn is_misuse(&self) -> bool {
        !matches!(self, Self::Interrupted { .. })
    }
}
