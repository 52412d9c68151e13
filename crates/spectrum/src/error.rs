/// What can go wrong while a spectrum is measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The objective behind the operator failed, or a product was not finite.
    #[error(transparent)]
    Objective(#[from] onedge_objective::Error),
    /// A saved state that does not fit.
    #[error(transparent)]
    State(#[from] onedge_objective::StateError),
    /// An option outside its range.
    #[error("spectrum.{option}: expected {expected}, got {got}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its range, in words.
        expected: String,
        /// Its value.
        got: String,
    },
    /// A preconditioner must be positive.
    #[error("preconditioner: expected positive finite elements, got {value} at index {index}; try a larger eps")]
    Preconditioner {
        /// Where.
        index: usize,
        /// The element.
        value: f64,
    },
    /// A quantity that does not exist at this point.
    #[error("{0}")]
    NoValue(&'static str),
    /// Threads that could not be started.
    #[error("spectrum: could not start threads, {0}; try fewer")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A matrix that is not symmetric.
    #[error("matrix: expected equal elements at ({row}, {column}) and ({column}, {row}), got {upper} and {lower}")]
    NotSymmetric {
        /// The row of the first.
        row: usize,
        /// The column of the first.
        column: usize,
        /// The element above the diagonal.
        upper: f64,
        /// The element below the diagonal.
        lower: f64,
    },
    /// What the place reports where the vectors of a space lie.
    #[error(transparent)]
    Space(Box<dyn std::error::Error + Send + Sync>),
    /// The small eigenvalue problem did not converge, which only non-finite numbers can cause.
    #[error("spectrum: the projected problem of size {size} did not converge, expected finite products")]
    Projected {
        /// Its size.
        size: usize,
    },
}

impl Error {
    pub(crate) fn require_dimension(dim: usize) -> Result<(), Self> {
        Self::require_option(dim > 0, "dim", "an operator of dimension 1 or more", dim)
    }

    pub(crate) fn require_products(max_products: usize) -> Result<(), Self> {
        Self::require_option(max_products > 0, "max_products", "1 or more", max_products)
    }

    pub(crate) fn require_option(
        holds: bool,
        option: &'static str,
        expected: impl Into<String>,
        got: impl ToString,
    ) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::Option { option, expected: expected.into(), got: got.to_string() }) }
    }
}
