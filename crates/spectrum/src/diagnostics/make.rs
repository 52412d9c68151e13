use onedge_objective::{Real, by_precision};
use onedge_registry::{Error as RegistryError, Settings};

use super::diagnostic::Diagnostic;

/// A diagnostic, or the setting that is out of its range.
pub type DiagnosticResult<T> = Result<Box<dyn Diagnostic<T>>, RegistryError>;

/// What a diagnostic reads, and how it is made from the settings of all of them, for either float.
#[derive(Debug)]
pub struct Make {
    /// The names of its readings; `*` stands for what may differ, as in `top_*`.
    pub readings: &'static [&'static str],
    /// In single precision.
    pub f32: fn(&Settings) -> DiagnosticResult<f32>,
    /// In double precision.
    pub f64: fn(&Settings) -> DiagnosticResult<f64>,
}

impl Make {
    pub(super) fn make<T: Real>(&self, settings: &Settings) -> DiagnosticResult<T> {
        by_precision::<T, _, _, _, _>(|| (self.f32)(settings), || (self.f64)(settings))
    }
}
