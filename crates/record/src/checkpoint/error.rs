use std::path::PathBuf;

/// What can be wrong with the checkpoints of a run.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A checkpoint that is not as it was written, or by another version.
    #[error("{}: the checkpoint cannot be used: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// There are checkpoints, and none can be used.
    #[error("{}: expected a checkpoint that can be used, got none ({source}); {again}", folder.display())]
    NoCheckpoint {
        /// Where they are.
        folder: PathBuf,
        /// What is wrong with the last one.
        source: Box<CheckpointError>,
        /// What begins the run again.
        again: String,
    },
    /// Parameters of another model.
    #[error("{origin}: parameter `{name}`: expected {expected}, got {got}; try the model and precision of the run")]
    OtherParameters {
        /// The checkpoint or the spec.
        origin: String,
        /// The parameter.
        name: String,
        /// What the model of the spec has.
        expected: String,
        /// What was found.
        got: String,
    },
}
