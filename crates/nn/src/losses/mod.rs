//! The registry of losses: what a spec or the command line can name.

mod binary_cross_entropy;
mod build;
mod cross_entropy;
mod hinge;
mod huber;
mod poisson;
mod squared;

use std::collections::BTreeMap;

use onedge_registry::{Entry, Settings, Value};

use crate::{Error, Loss};

pub use build::Build;

/// Every loss.
pub static ALL: &[&Entry<Build>] = &[
    &cross_entropy::ENTRY,
    &squared::ENTRY,
    &huber::ENTRY,
    &binary_cross_entropy::ENTRY,
    &hinge::ENTRY,
    &poisson::ENTRY,
];

/// The loss called `name` with the settings `given`.
///
/// # Errors
/// [`Error::Setting`] if the name or a setting is unknown or out of range.
pub fn build(name: &str, given: BTreeMap<String, Value>) -> Result<Loss, Error> {
    let entry = onedge_registry::find("loss", ALL, name)?;
    (entry.build)(&Settings::resolve(entry, given)?)
}
