use std::io;
use std::path::{Path, PathBuf};

use onedge_text::{advice_on_writing, nearest_names};

use crate::checkpoint::CheckpointError;

/// What can go wrong with the files of a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("{}: cannot write: {source}; {}", path.display(), advice_on_writing(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What a run writes to is no longer there.
    #[error("{}: removed or moved while the run went on; do the run anew, or resume it where it is now", .0.display())]
    Gone(PathBuf),
    /// A line of a records file that is no record.
    #[error("{}:{line}: expected what a run records, got something else ({source}); put the file back from a copy, or remove the run's folder and do it anew", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The folder for a new run holds something already.
    #[error("{}: expected a new or empty folder, got one with files in it; try another folder", .0.display())]
    RunExists(PathBuf),
    /// Another process does the run.
    #[error("{}: another process is at this run; try again when it has ended", .0.display())]
    Running(PathBuf),
    /// The folder holds no run.
    #[error("{}: expected a run folder with `steps.jsonl` in it, got none; try a folder under `runs`", .0.display())]
    NoRun(PathBuf),
    /// A run without a single record.
    #[error("{}: expected step records, got none; try a run that took at least one step", .0.display())]
    NoRecords(PathBuf),
    /// A file of parameters that do not fit.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// Checkpoints that cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl Error {
    /// Whether the request was wrong (a file that does not fit), rather than that something failed on the way.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Read { .. }
            | Self::RunExists(_)
            | Self::NoRun(_)
            | Self::Running(_)
            | Self::NoRecords(_)
            | Self::Parameters(_)
            | Self::Checkpoint(CheckpointError::OtherParameters { .. }) => true,
            Self::Write { .. } | Self::Gone(_) | Self::Record { .. } | Self::Checkpoint(_) => false,
        }
    }

    /// For `map_err` on reading `path`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// For `map_err` on writing `path`.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}

/// What can be wrong with a file of parameters.
#[derive(Debug, thiserror::Error)]
pub enum ParameterError {
    /// No safetensors file.
    #[error("{}: expected a safetensors file, got one that breaks its rules ({source}); try saving it again", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: safetensors::SafeTensorError,
    },
    /// A parameter without a tensor.
    #[error(
        "{}: tensor `{name}` is missing, expected one of shape {shape:?}, got {}; try {}",
        path.display(),
        held(count),
        renaming(nearest)
    )]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// How many tensors the file has.
        count: usize,
        /// Those of this shape that belong to no other parameter, nearest name first: it may be one of them.
        nearest: Vec<String>,
    },
    /// A tensor without a parameter.
    #[error(
        "{}: tensor `{name}` belongs to no parameter of this model; try removing it or another model (nearest: {})",
        path.display(),
        nearest_names(nearest)
    )]
    ExtraTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Parameters of the model, nearest name first.
        nearest: Vec<String>,
    },
    /// A tensor of another shape than its parameter.
    #[error(
        "{}: tensor `{name}`: expected shape {expected:?}, got {got:?}; try transposing it or another model",
        path.display()
    )]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
        /// That of the tensor.
        got: Vec<usize>,
    },
    /// A tensor of something else than floats.
    #[error("{}: tensor `{name}`: expected elements of type F32 or F64, got {got}; try converting it", path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// The type of the tensor.
        got: String,
    },
    /// A tensor with a NaN or an infinity.
    #[error("{}: tensor `{name}`: expected finite numbers, element {index} is {value}; try an earlier state", path.display())]
    TensorValue {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// The element, in row-major order.
        index: usize,
        /// NaN, inf or -inf.
        value: f64,
    },
}

fn held(count: &usize) -> String {
    match count {
        0 => "a file without tensors".to_owned(),
        1 => "a file of one other".to_owned(),
        count => format!("a file of {count} others"),
    }
}

fn renaming(nearest: &[String]) -> String {
    match nearest {
        [] => "a file of this model's parameters, or the model that the file is of".to_owned(),
        nearest => format!("renaming {}", nearest_names(nearest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_request_is_told_from_a_failure() {
        let path = || PathBuf::from("runs/a");
        let io = || io::Error::from(io::ErrorKind::NotFound);
        let record = || serde_json::from_str::<u32>("x").unwrap_err();
        let damaged = || CheckpointError::Damaged { path: path(), what: String::new() };
        let [origin, name, expected, got] = std::array::from_fn(|_| String::new());
        let misuse = [
            Error::Read { path: path(), source: io() },
            Error::RunExists(path()),
            Error::Running(path()),
            Error::NoRun(path()),
            Error::NoRecords(path()),
            Error::Parameters(ParameterError::TensorType { path: path(), name: String::new(), got: String::new() }),
            Error::Checkpoint(CheckpointError::OtherParameters { origin, name, expected, got }),
        ];
        let failures = [
            Error::Write { path: path(), source: io() },
            Error::Gone(path()),
            Error::Record { path: path(), line: 1, source: record() },
            Error::Checkpoint(damaged()),
        ];
        assert!(misuse.iter().all(Error::is_misuse));
        assert!(!failures.iter().any(Error::is_misuse));
    }
}
