use onedge_objective::{Real, by_precision};
use onedge_registry::{Error as SettingError, Settings};

use crate::Optimizer;

/// An optimizer, or the setting that is out of its range.
pub type OptimizerResult<T> = Result<Box<dyn Optimizer<T>>, SettingError>;

/// How an optimizer is made from its settings, for either float.
#[derive(Debug)]
pub struct Make {
    /// In single precision.
    pub f32: fn(&Settings) -> OptimizerResult<f32>,
    /// In double precision.
    pub f64: fn(&Settings) -> OptimizerResult<f64>,
}

impl Make {
    /// The optimizer with `settings`, in the precision T.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn make<T: Real>(&self, settings: &Settings) -> OptimizerResult<T> {
        by_precision::<T, _, _, _, _>(|| (self.f32)(settings), || (self.f64)(settings))
    }
}
