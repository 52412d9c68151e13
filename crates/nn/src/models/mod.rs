//! The registry of models: what a spec or the command line can name.

mod build;
mod convnet;
mod flatten;
mod images;
mod linear;
mod mixer;
mod mlp;
mod nanolm;
mod preset;
mod resnet;
mod vit;

use std::collections::BTreeMap;

use onedge_registry::{Entry, Settings, Value};

use crate::{Error, Io, Model};

pub use build::Build;

/// Every model.
pub static ALL: &[&Entry<Build>] =
    &[&mlp::ENTRY, &linear::ENTRY, &convnet::ENTRY, &resnet::ENTRY, &mixer::ENTRY, &vit::ENTRY, &nanolm::ENTRY];

/// The model called `name` with the settings `given`.
///
/// # Errors
/// [`Error::Setting`] if the name or a setting is unknown or out of range, [`Error::TooManyParameters`].
pub fn build(name: &str, given: BTreeMap<String, Value>, io: &Io) -> Result<Model, Error> {
    let entry = onedge_registry::find("model", ALL, name)?;
    (entry.build)(&Settings::resolve(entry, given)?, io)
}
