//! Tuners: a line in, a learning rate out. One file each, one line in [`ALL`].

mod constant;

use onedge_registry::{Entry, Error as RegistryError, Settings, Value, find};

use crate::Tuner;

pub use constant::Constant;

/// How a tuner is made from its settings.
pub type Make = fn(&Settings) -> Result<Box<dyn Tuner>, RegistryError>;

/// Every tuner, in the order of listings.
pub static ALL: &[&Entry<Make>] = &[&constant::ENTRY];

/// The tuner called `name` with the settings `given`, as `Settings::resolve` takes them.
///
/// # Errors
/// An unknown name or key, a missing or ill-typed value, a setting out of its range.
pub fn build(name: &str, given: std::collections::BTreeMap<String, Value>) -> Result<Box<dyn Tuner>, RegistryError> {
    let entry = find("tuner", ALL, name)?;
    (entry.build)(&Settings::resolve(entry, given)?)
}

/// The setting `rate`, a finite number, zero or more.
fn rate(settings: &Settings) -> Result<f64, RegistryError> {
    settings.number_where("rate", "a finite number, zero or more", |rate| rate >= 0.0 && rate.is_finite())
}
