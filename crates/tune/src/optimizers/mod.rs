//! Optimizers: a gradient in, an update at unit learning rate out. One file each, one line in [`ALL`].

mod adagrad;
mod adam;
mod adamw;
mod averaging;
mod d_adapt_adam;
mod d_adapt_sgd;
mod decay;
mod gd;
mod lamb;
mod lion;
mod mechanic;
mod momentum;
mod muon;
mod nesterov;
mod newton_schulz;
mod prodigy;
mod rmsprop;
mod schedule_free_adamw;
mod schedule_free_sgd;

use onedge_objective::{Layer, Real, by_precision};
use onedge_registry::{Entry, Error as SettingError, Settings, find};

use crate::{Error, Optimizer};

pub use adagrad::AdaGrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use d_adapt_adam::DAdaptAdam;
pub use d_adapt_sgd::DAdaptSgd;
pub use decay::DecayOn;
pub use gd::Gd;
pub use lamb::Lamb;
pub use lion::Lion;
pub use mechanic::Mechanic;
pub use momentum::Momentum;
pub use muon::{Matrices, Muon, MuonOptions};
pub use nesterov::Nesterov;
pub use prodigy::Prodigy;
pub use rmsprop::RmsProp;
pub use schedule_free_adamw::{ScheduleFreeAdamW, ScheduleFreeAdamWOptions};
pub use schedule_free_sgd::ScheduleFreeSgd;

/// Every optimizer, in the order of listings.
pub static ALL: &[&Entry<Make>] = &[
    &gd::ENTRY,
    &momentum::ENTRY,
    &nesterov::ENTRY,
    &adagrad::ENTRY,
    &rmsprop::ENTRY,
    &adam::ENTRY,
    &adamw::ENTRY,
    &lamb::ENTRY,
    &lion::ENTRY,
    &muon::ENTRY,
    &d_adapt_sgd::ENTRY,
    &d_adapt_adam::ENTRY,
    &prodigy::ENTRY,
    &mechanic::ENTRY,
    &schedule_free_sgd::ENTRY,
    &schedule_free_adamw::ENTRY,
];

/// An optimizer, or the setting that is out of its range.
pub type Made<T> = Result<Box<dyn Optimizer<T>>, SettingError>;

/// How an optimizer is made from its settings, for either float.
#[derive(Debug)]
pub struct Make {
    /// In single precision.
    pub f32: fn(&Settings) -> Made<f32>,
    /// In double precision.
    pub f64: fn(&Settings) -> Made<f64>,
}

impl Make {
    /// The optimizer with `settings`, in the precision T.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn make<T: Real>(&self, settings: &Settings) -> Made<T> {
        by_precision::<T, _, _, _, _>(|| (self.f32)(settings), || (self.f64)(settings))
    }
}

/// The optimizer called `name` with the settings `given`, as `Settings::resolve` takes them.
///
/// # Errors
/// An unknown name or key, a missing or ill-typed value, a setting out of its range.
pub fn build<T: Real>(
    name: &str,
    given: std::collections::BTreeMap<String, onedge_registry::Value>,
) -> Result<Box<dyn Optimizer<T>>, SettingError> {
    let entry = find("optimizer", ALL, name)?;
    entry.build.make(&Settings::resolve(entry, given)?)
}

/// The setting `warmup`, in steps; 0 if it is not set.
fn warmup(settings: &Settings) -> Result<u64, SettingError> {
    match settings.optional_count("warmup")? {
        Some(0) => Err(settings.out_of_range("warmup", "a whole number, 1 or more")),
        count => Ok(count.unwrap_or(0) as u64),
    }
}

/// A lower bound on the distance to the solution, and what a new gradient makes of it. It never falls, and a quotient by a
/// sum of zero says nothing.
fn grown(distance: f64, estimate: f64) -> f64 {
    if estimate > distance && estimate.is_finite() { estimate } else { distance }
}

/// The layers that `optimizer` was told, if they are those of `dim` parameters.
fn told<'a>(optimizer: &'static str, layers: &'a [Layer], dim: usize) -> Result<&'a [Layer], Error> {
    let last = layers.last().ok_or(Error::NoLayers { optimizer })?;
    Error::require_length("layers", dim, last.range.end)?;
    Ok(layers)
}

/// Checks the three slices of a direction against each other and against the length of the state, if there is one.
fn check_lengths<T>(w: &[T], g: &[T], u: &[T], state: &[T]) -> Result<(), Error> {
    Error::require_length("gradient", w.len(), g.len())?;
    Error::require_length("update", w.len(), u.len())?;
    if state.is_empty() { Ok(()) } else { Error::require_length("optimizer state", w.len(), state.len()) }
}
