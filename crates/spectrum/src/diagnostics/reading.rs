use crate::Estimate;

/// One measured number.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What it is: `trace`, `layers.0.weight/sharpness`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its standard error, if it was sampled.
    pub standard_error: Option<f64>,
    /// For a density: its points, `(eigenvalue, weight)`.
    pub nodes: Vec<(f64, f64)>,
}

impl Reading {
    /// An exact number.
    pub(super) fn exact(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value, standard_error: None, nodes: Vec::new() }
    }

    /// A sampled one.
    pub(super) fn sampled(name: impl Into<String>, estimate: Estimate) -> Self {
        Self { standard_error: Some(estimate.standard_error), ..Self::exact(name, estimate.value) }
    }
}
