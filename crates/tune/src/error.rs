use onedge_objective::{Error as ObjectiveError, Probe, StateError};
use onedge_spectrum::Error as SpectrumError;

/// What can end a training step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A probe gave NaN or an infinity at a step.
    #[error(
        "step {step}, {probe}: expected a finite number, got {value}; try {}",
        finite(*step, *probe)
    )]
    NonFinite {
        /// The step, counted from 0.
        step: u64,
        /// The probe that produced it.
        probe: Probe,
        /// NaN, inf or -inf.
        value: f64,
    },
    /// The loss went beyond the limit that the trainer was given.
    #[error(
        "step {step}, loss: expected at most {limit}, got {loss}; try smaller steps (the tuner's rate, cap or sigma) or a higher limit"
    )]
    Diverged {
        /// The step, counted from 0.
        step: u64,
        /// The loss there.
        loss: f64,
        /// The largest that counts as no divergence.
        limit: f64,
    },
    /// The objective failed otherwise.
    #[error("step {step}: {source}")]
    Objective {
        /// The step, counted from 0.
        step: u64,
        /// What it reported.
        source: ObjectiveError,
    },
    /// The spectrum could not be measured.
    #[error("step {step}: {source}")]
    Spectrum {
        /// The step, counted from 0.
        step: u64,
        /// What went wrong.
        source: SpectrumError,
    },
    /// A setting outside its range.
    #[error(transparent)]
    Setting(#[from] onedge_registry::Error),
    /// A tuner that needs the largest eigenvalue, and a measurement that only looks for magnitude.
    #[error("trainer: expected a spectrum that includes the largest values, got magnitude alone; try both")]
    NoLargest,
    /// An optimizer that treats tensors by their shapes, and was not told of any.
    #[error("{optimizer}: expected to know the layers, got none; try `Trainer::with_layers` before the first step")]
    NoLayers {
        /// The optimizer.
        optimizer: &'static str,
    },
    /// Layers told to an optimizer that do not cover the parameters.
    #[error(transparent)]
    Layers(ObjectiveError),
    /// A saved state that does not fit.
    #[error(transparent)]
    State(#[from] StateError),
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
}

/// What makes a probe finite. Those of the first step, trials apart, come before any rate.
fn finite(step: u64, probe: Probe) -> &'static str {
    match (step, probe) {
        (0, Probe::TrialLoss | Probe::LearningRate) | (1.., _) => {
            "smaller steps (the tuner's rate, cap or sigma) or look for non-finite data"
        }
        _ => "other parameters to start from, or f64, or look for huge numbers in the data",
    }
}

impl Error {
    /// What the objective reported at `step`.
    pub(crate) fn objective(step: u64, source: ObjectiveError) -> Self {
        match source {
            ObjectiveError::NonFinite { probe, value } => Self::NonFinite { step, probe, value },
            source => Self::Objective { step, source },
        }
    }

    /// What the spectrum reported at `step`.
    pub(crate) fn spectrum(step: u64, source: SpectrumError) -> Self {
        match source {
            SpectrumError::Objective(source) => Self::objective(step, source),
            source => Self::Spectrum { step, source },
        }
    }

    /// `Ok(value)` if it is finite, else the error that names step and probe.
    pub(crate) fn require_finite(step: u64, probe: Probe, value: f64) -> Result<f64, Self> {
        if value.is_finite() { Ok(value) } else { Err(Self::NonFinite { step, probe, value }) }
    }

    pub(crate) fn require_length(what: &'static str, expected: usize, got: usize) -> Result<(), Self> {
        if expected == got { Ok(()) } else { Err(Self::Length { what, expected, got }) }
    }
}
