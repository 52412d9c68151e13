use std::io;
use std::path::Path;

/// What can go wrong with many runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The description of a sweep, or the spec of one of its runs.
    #[error(transparent)]
    Spec(#[from] onedge_spec::Error),
    /// A run, or what it is to be done with.
    #[error(transparent)]
    Run(#[from] onedge_run::Error),
    /// The files of a run or of the sweep.
    #[error(transparent)]
    Record(#[from] onedge_record::Error),
    /// A picture.
    #[error(transparent)]
    Plot(#[from] onedge_plot::Error),
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
}

impl Error {
    /// Whether the request was wrong, rather than that something failed on the way.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Spec(_) | Self::Option { .. } => true,
            Self::Run(error) => error.is_misuse(),
            Self::Record(error) => error.is_misuse(),
            Self::Plot(error) => error.is_misuse(),
        }
    }

    /// For `map_err`: a wrong name, key or value in what `origin` names.
    pub(crate) fn spec(origin: &str) -> impl Fn(onedge_registry::Error) -> Self + '_ {
        |source| onedge_spec::Error::spec(origin)(source).into()
    }

    /// For `map_err` on reading `path`.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| onedge_record::Error::read(path)(source).into()
    }

    /// For `map_err` on writing `path`.
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| onedge_record::Error::write(path)(source).into()
    }
}
