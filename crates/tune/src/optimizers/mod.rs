//! Optimizers: a gradient in, an update at unit learning rate out. One file each, one line in [`ALL`].

mod adagrad;
mod adam;
mod adamw;
mod averaging;
mod checks;
mod d_adapt_adam;
mod d_adapt_sgd;
mod decay;
mod gd;
mod lamb;
mod lion;
mod make;
mod mechanic;
mod momentum;
mod muon;
mod nesterov;
mod newton_schulz;
mod prodigy;
mod rmsprop;
mod schedule_free_adamw;
mod schedule_free_sgd;

use onedge_objective::Real;
use onedge_registry::{Entry, Error as SettingError, Settings, find};

use crate::Optimizer;

pub use adagrad::AdaGrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use d_adapt_adam::DAdaptAdam;
pub use d_adapt_sgd::DAdaptSgd;
pub use decay::DecayOn;
pub use gd::Gd;
pub use lamb::Lamb;
pub use lion::Lion;
pub use make::{Make, OptimizerResult};
pub use mechanic::Mechanic;
pub use momentum::Momentum;
pub use muon::{Matrices, Muon, MuonOptions};
pub use nesterov::Nesterov;
pub use prodigy::Prodigy;
pub use rmsprop::RmsProp;
pub use schedule_free_adamw::{ScheduleFreeAdamW, ScheduleFreeAdamWOptions};
pub use schedule_free_sgd::ScheduleFreeSgd;

/// The names of those that find their own rate: their updates are steps as they are, for a tuner that leaves them so.
pub const OWN_RATE: &[&str] =
    &["d-adapt-sgd", "d-adapt-adam", "prodigy", "mechanic", "schedule-free-sgd", "schedule-free-adamw"];

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
