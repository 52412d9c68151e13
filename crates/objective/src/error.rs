use std::fmt;
use std::ops::Range;

/// What can go wrong when a loss is probed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A probe gave NaN or an infinity.
    #[error(
        "{probe}: expected a finite number, got {value}; try other parameters, or f64, or look for huge numbers in the data"
    )]
    NonFinite {
        /// The probe that produced it.
        probe: Probe,
        /// NaN, inf or -inf.
        value: f64,
    },
    /// Curvature or a Hessian-vector product was asked for before any point was fixed.
    #[error("{probe}: expected a linearised point, got none; call `linearize` first")]
    NotLinearized {
        /// The probe that was called.
        probe: Probe,
    },
    /// A part was asked about before any was set.
    #[error("{probe}: expected a part, got none; call `set_part` first")]
    NoPart {
        /// The probe that was called.
        probe: Probe,
    },
    /// It was told to stop.
    #[error("interrupted before it was done; nothing is linearised now")]
    Interrupted,
    /// An objective that cannot tell.
    #[error("{probe}: expected an objective that knows it, got one that does not; try a model and loss of the library")]
    Unsupported {
        /// The probe that was called.
        probe: Probe,
    },
    /// A slice has the wrong length.
    #[error("{what}: expected {expected} elements, got {got}")]
    Length {
        /// The slice.
        what: &'static str,
        /// The length it must have.
        expected: usize,
        /// Its length.
        got: usize,
    },
    /// Layers that do not cover the parameters one after the other.
    #[error(
        "layer `{name}`: expected the range {}..{} of the {dim} parameters, got {}..{}; try `Layer::in_order`",
        expected.start, expected.end, got.start, got.end
    )]
    Layer {
        /// The first layer that is elsewhere than after the one before, or not as large as its shape.
        name: String,
        /// Where it must lie.
        expected: Range<usize>,
        /// Where it lies.
        got: Range<usize>,
        /// The number of parameters.
        dim: usize,
    },
    /// Whatever a foreign objective reports.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// `Ok(value)` if it is finite, else the error that names `probe`.
    pub fn require_finite(probe: Probe, value: f64) -> Result<f64, Self> {
        if value.is_finite() { Ok(value) } else { Err(Self::NonFinite { probe, value }) }
    }

    /// Checks the length of a slice.
    pub fn require_length(what: &'static str, expected: usize, got: usize) -> Result<(), Self> {
        if expected == got { Ok(()) } else { Err(Self::Length { what, expected, got }) }
    }
}

/// The quantities that are measured at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The loss at the current point.
    Loss,
    /// The loss at a trial point.
    TrialLoss,
    /// A mean over examples other than the loss.
    Metric,
    /// The gradient.
    Gradient,
    /// The update of the optimizer.
    Update,
    /// The diagonal that an optimizer divides by.
    Preconditioner,
    /// `g . u`
    Slope,
    /// `u . H u`
    Curvature,
    /// `u . H u` of a part of the examples
    PartCurvature,
    /// The gradient of a part of the examples.
    PartGradient,
    /// `H v`
    HessianVector,
    /// `G v`
    GaussNewtonVector,
    /// The largest eigenvalue of the Hessian.
    Sharpness,
    /// The learning rate itself.
    LearningRate,
    /// One of the random samples of which a mean is taken.
    Sample,
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loss => "loss",
            Self::TrialLoss => "loss at a trial point",
            Self::Metric => "metric",
            Self::Gradient => "gradient",
            Self::Update => "update",
            Self::Preconditioner => "preconditioner",
            Self::Slope => "slope",
            Self::Curvature => "curvature",
            Self::PartCurvature => "curvature of a part of the batch",
            Self::PartGradient => "gradient of a part of the batch",
            Self::HessianVector => "hessian-vector product",
            Self::GaussNewtonVector => "Gauss-Newton-vector product",
            Self::Sharpness => "sharpness",
            Self::LearningRate => "learning rate",
            Self::Sample => "sample of a mean",
        })
    }
}
