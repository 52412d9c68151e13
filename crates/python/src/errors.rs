//! Errors as Python sees them: the classes of `onedge._errors`, with the sentence of the library.

use onedge_objective::Error as ObjectiveError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

/// A class of `onedge._errors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that does not fit: also a `ValueError`.
    Argument,
    /// What onedge cannot do: also a `NotImplementedError`.
    Unsupported,
    /// A loss, gradient or curvature that is NaN or infinite: also an `ArithmeticError`.
    NonFinite,
    /// A call in the wrong order: also a `RuntimeError`.
    State,
    /// A file that cannot be read or written: also an `OSError`.
    #[cfg_attr(not(feature = "runs"), expect(dead_code, reason = "runs have files"))]
    File,
    /// A fault of onedge: also a `RuntimeError`.
    Internal,
}

/// The exception of this kind.
pub fn error(kind: Kind, message: impl std::fmt::Display) -> PyErr {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let name = match kind {
        Kind::Argument => "ArgumentError",
        Kind::Unsupported => "UnsupportedError",
        Kind::NonFinite => "NonFiniteError",
        Kind::State => "StateError",
        Kind::File => "FileError",
        Kind::Internal => "InternalError",
    };
    let message = message.to_string();
    Python::attach(|py| {
        let module = MODULE.get_or_try_init(py, || py.import("onedge._errors").map(Bound::unbind));
        let class = module.and_then(|module| module.bind(py).getattr(name));
        class.and_then(|class| class.call1((message,))).map_or_else(|error| error, PyErr::from_value)
    })
}

/// A value that does not fit.
pub fn argument(message: impl std::fmt::Display) -> PyErr {
    error(Kind::Argument, message)
}

/// What an objective reports.
pub fn of_objective(problem: &ObjectiveError) -> PyErr {
    let kind = match problem {
        ObjectiveError::NonFinite { .. } => Kind::NonFinite,
        ObjectiveError::NotLinearized { .. } | ObjectiveError::NoPart { .. } | ObjectiveError::Interrupted => {
            Kind::State
        }
        ObjectiveError::Unsupported { .. } => Kind::Unsupported,
        _ => Kind::Argument,
    };
    error(kind, problem)
}

/// What the spectrum reports.
pub fn of_spectrum(problem: &onedge_spectrum::Error) -> PyErr {
    match problem {
        onedge_spectrum::Error::Objective(source) => of_objective(source),
        other => argument(other),
    }
}

/// What a run reports: what was asked for wrongly, or what failed on the way.
#[cfg(feature = "runs")]
pub fn of_run(problem: &onedge_run::Error) -> PyErr {
    error(if problem.is_misuse() { Kind::Argument } else { Kind::File }, told(problem))
}

/// The same of an index of runs.
#[cfg(feature = "runs")]
pub fn of_store(problem: &onedge_store::Error) -> PyErr {
    error(if problem.is_misuse() { Kind::Argument } else { Kind::File }, told(problem))
}

/// An error with its causes, as far as it does not tell them itself.
#[cfg(feature = "runs")]
fn told(problem: &dyn std::error::Error) -> String {
    let (mut message, mut cause) = (problem.to_string(), problem.source());
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}
