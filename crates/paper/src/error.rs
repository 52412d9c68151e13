use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with the figures of the paper.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A spec.
    #[error(transparent)]
    Spec(#[from] onedge_spec::Error),
    /// A run.
    #[error(transparent)]
    Run(#[from] onedge_run::Error),
    /// Files.
    #[error(transparent)]
    Record(#[from] onedge_record::Error),
    /// Many runs.
    #[error(transparent)]
    Sweep(#[from] onedge_sweep::Error),
    /// A picture.
    #[error(transparent)]
    Plot(#[from] onedge_plot::Error),
    /// Runs that a figure is made of are not there.
    #[error("{}: expected all runs of the figure, {missing} are missing; try making the figure, which does them", root.display())]
    FigureRuns {
        /// Where they were looked for.
        root: PathBuf,
        /// How many are not there.
        missing: usize,
    },
    /// A folder without figures.
    #[error("{}: expected a folder with figures, got none in it; try making them first", .0.display())]
    NoFigures(PathBuf),
    /// A folder of notes that says nothing, or something of what is not there.
    #[error("{}: {}", .0.display(), .1)]
    Notes(PathBuf, String),
    /// A figure's file that says something else than figures say.
    #[error("{}: no figure: {source}", path.display())]
    Figure {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file that is to keep runs, and does not.
    #[error("{}: no runs of figures: {source}", path.display())]
    KeptRuns {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A run in such a file whose columns differ in length.
    #[error("{}: expected a value or none for every step, got columns of other lengths in {run}; try the file as it was published", path.display())]
    KeptRun {
        /// The file.
        path: PathBuf,
        /// The run.
        run: String,
    },
    /// A run of a figure could not go on.
    #[error("{name}: {stop}")]
    FigureRun {
        /// The run.
        name: String,
        /// What happened.
        stop: String,
    },
}

impl Error {
    /// Whether the request was wrong, rather than that something failed on the way.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Spec(_)
            | Self::FigureRuns { .. }
            | Self::NoFigures(_)
            | Self::Notes(..)
            | Self::Figure { .. }
            | Self::KeptRuns { .. }
            | Self::KeptRun { .. } => true,
            Self::Run(error) => error.is_misuse(),
            Self::Record(error) => error.is_misuse(),
            Self::Sweep(error) => error.is_misuse(),
            Self::Plot(error) => error.is_misuse(),
            Self::FigureRun { .. } => false,
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
