use std::path::PathBuf;

use onedge_data::Error as DataError;
use onedge_objective::StateError;
use onedge_tune::Error as TuneError;

use crate::{Finished, ResumeError};

/// What can go wrong around a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The spec.
    #[error(transparent)]
    Spec(#[from] onedge_spec::Error),
    /// A data set cannot be read or made.
    #[error(transparent)]
    Data(Box<DataError>),
    /// What is to be trained, or training it.
    #[error(transparent)]
    Train(#[from] onedge_train::Error),
    /// The files of a run.
    #[error(transparent)]
    Record(#[from] onedge_record::Error),
    /// A run that is to go on, or to be forked.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// A model that has no ONNX file.
    #[error(transparent)]
    Onnx(#[from] onedge_onnx::Error),
    /// Text is to be drawn from a model of something else.
    #[error(
        "{origin}: data `{data}` is no text, expected a model of one; try one trained on `cicero`, `tiny-shakespeare` or `text`"
    )]
    NoText {
        /// The spec.
        origin: String,
        /// The data set.
        data: String,
    },
    /// A prompt has a character that the model has never seen.
    #[error("prompt: `{character}` does not occur in the training text, expected some of {known}")]
    UnknownCharacter {
        /// The character.
        character: char,
        /// Those that occur.
        known: String,
    },
    /// An option has an impossible value.
    #[error("{option}: expected {expected}, got {got}")]
    Option {
        /// The option.
        option: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The spec of a run is not what the run wrote.
    #[error("{}: expected the spec that the run wrote, with where it was made under [provenance], got {got}; put it back from a copy, remove it if there are checkpoints, which have the settings too, or do the run anew in another folder", path.display())]
    NoSpec {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        got: &'static str,
    },
    /// A run of a version that did not leave what its data mean.
    #[error("{}: expected what the data of the run mean, which runs leave as they begin, got no such file; try the run anew, with this version", path.display())]
    NoMeaning {
        /// The file.
        path: PathBuf,
    },
    /// Data that were read again, and mean something else by now.
    #[error(
        "{origin}: the model was trained on data that mean something else ({difference}); try data with the same inputs and classes, or `data.path` set to where those of the run are"
    )]
    OtherMeaning {
        /// The folder of the run, or its file of parameters.
        origin: String,
        /// What was and what is.
        difference: String,
    },
    /// A run that came to its end, but not all of it could be written.
    #[error("{source}{}", rest(source, finished))]
    Incomplete {
        /// The run.
        finished: Box<Finished>,
        /// What could not be written, and why.
        source: Box<Error>,
    },
}

/// What kind of error it is, which decides how a program goes on or ends.
impl Error {
    /// Whether the request was wrong (a name, a key, a value, a file that does not fit), rather than that something
    /// failed on the way.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Spec(_)
            | Self::NoText { .. }
            | Self::UnknownCharacter { .. }
            | Self::Option { .. }
            | Self::Onnx(_)
            | Self::NoSpec { .. }
            | Self::NoMeaning { .. }
            | Self::OtherMeaning { .. } => true,
            Self::Data(error) => !error.is_failure(),
            Self::Train(error) => error.is_misuse(),
            Self::Record(error) => error.is_misuse(),
            Self::Resume(error) => error.is_misuse(),
            Self::Incomplete { .. } => false,
        }
    }

    /// Whether a run has ended as its folder was gone.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Incomplete { source, .. } => source.is_gone(),
            other => matches!(other, Self::Record(onedge_record::Error::Gone(_))),
        }
    }

    /// Whether it was asked to end, in a download, while images were decoded or while steps were repeated.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Resume(ResumeError::Interrupted { .. }))
            || matches!(self, Self::Data(error) if error.is_interruption())
    }
}

/// Where the rest of a run is, of which `source` says what could not be written.
fn rest(source: &Error, finished: &Finished) -> String {
    if source.is_gone() {
        return String::new();
    }
    format!(" (everything else of this run is in {})", finished.folder.display())
}

impl From<DataError> for Error {
    fn from(error: DataError) -> Self {
        Self::Data(Box::new(error))
    }
}

impl From<TuneError> for Error {
    fn from(error: TuneError) -> Self {
        Self::Train(error.into())
    }
}

impl From<onedge_objective::Error> for Error {
    fn from(error: onedge_objective::Error) -> Self {
        Self::Train(error.into())
    }
}

impl From<onedge_engine::Error> for Error {
    fn from(error: onedge_engine::Error) -> Self {
        Self::Train(error.into())
    }
}

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        Self::Train(error.into())
    }
}
