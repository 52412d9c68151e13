use onedge_data::Error as DataError;

use super::Error;
use crate::checkpoint::Fault;

/// What kind of error it is, which decides how a program goes on or ends.
impl Error {
    /// Whether the request was wrong (a name, a key, a value, a file that does not fit), rather than that something
    /// failed on the way.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Read { .. }
            | Self::RunExists(_)
            | Self::NoRun(_)
            | Self::NoSpec { .. }
            | Self::Running(_)
            | Self::State(_)
            | Self::NoRecords(_)
            | Self::Toml { .. }
            | Self::Spec { .. }
            | Self::Grid { .. }
            | Self::Safetensors { .. }
            | Self::MissingTensor { .. }
            | Self::ExtraTensor { .. }
            | Self::TensorShape { .. }
            | Self::TensorType { .. }
            | Self::TensorValue { .. }
            | Self::Batch { .. }
            | Self::NoImages { .. }
            | Self::Crop { .. }
            | Self::Network { .. }
            | Self::Memory { .. }
            | Self::ChunkMemory { .. }
            | Self::NoText { .. }
            | Self::NoParameters { .. }
            | Self::UnknownCharacter { .. }
            | Self::Option { .. }
            | Self::FigureRuns { .. }
            | Self::NoFigures(_)
            | Self::Figure { .. }
            | Self::Engine(_)
            | Self::NoStore(_)
            | Self::Filter { .. }
            | Self::UnknownKey { .. }
            | Self::UnknownRun { .. }
            | Self::AmbiguousRun { .. }
            | Self::NotInStore { .. }
            | Self::Tag(_)
            | Self::NoParquet
            | Self::NeedsFolder
            | Self::Picture { .. } => true,
            Self::Data(error) => !matches!(
                **error,
                DataError::Io { .. }
                    | DataError::Network { .. }
                    | DataError::CutOff { .. }
                    | DataError::Stalled { .. }
                    | DataError::Interrupted { .. }
                    | DataError::Stopped { .. }
            ),
            Self::Checkpoint(fault) => fault.is_misuse(),
            Self::Write { .. }
            | Self::Gone(_)
            | Self::Incomplete { .. }
            | Self::Record { .. }
            | Self::FigureRun { .. }
            | Self::Index { .. }
            | Self::IndexBusy(_)
            | Self::Objective(_)
            | Self::Tune(_) => false,
        }
    }

    /// Whether a run has ended as its folder was gone.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Incomplete { source, .. } => source.is_gone(),
            other => matches!(other, Self::Gone(_)),
        }
    }

    /// Whether it was asked to end, in a download or while images were decoded.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Checkpoint(Fault::Interrupted { .. }))
            || matches!(self, Self::Data(error) if matches!(**error, DataError::Interrupted { .. } | DataError::Stopped { .. }))
    }
}
