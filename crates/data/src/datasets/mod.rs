//! The registry of data sets: what a spec or the command line can name.
//!
//! A set is one file that states its own settings and reads or makes a [`Split`]; what all sets share (subsets,
//! downsampling, scaling, a test part set aside) happens in one place afterwards.

mod build;
mod cicero;
mod cifar_10;
mod cifar_100;
mod common;
mod csv;
mod digits;
mod fashion_mnist;
mod idx;
mod image_folder;
mod mixture;
mod mnist;
mod red_wine;
mod stored;
mod teacher;
mod text;
mod tiny_shakespeare;

use std::collections::BTreeMap;

use onedge_registry::{Entry, Settings, Value, find};

use crate::{Error, Split};

pub use build::{Build, Context};
pub use common::SUBSET;

/// Every data set, embedded ones first.
pub static ALL: &[&Entry<Build>] = &[
    &digits::ENTRY,
    &red_wine::ENTRY,
    &mnist::ENTRY,
    &fashion_mnist::ENTRY,
    &cifar_10::ENTRY,
    &cifar_100::ENTRY,
    &csv::ENTRY,
    &idx::ENTRY,
    &image_folder::ENTRY,
    &cicero::ENTRY,
    &tiny_shakespeare::ENTRY,
    &text::ENTRY,
    &teacher::ENTRY,
    &mixture::ENTRY,
];

/// The data set called `name` with the settings `given`, ready to train on.
///
/// # Errors
/// An unknown name or setting, and whatever reading the set reports.
///
/// # Example
/// ```
/// use std::collections::BTreeMap;
/// use onedge_data::{Context, datasets};
/// use onedge_registry::Value;
///
/// let given = BTreeMap::from([("first".to_owned(), Value::Integer(100))]);
/// let split = datasets::load("digits", given, &Context::default())?;
/// assert_eq!((split.train.examples(), split.train.input_shape()), (100, &[1, 8, 8][..]));
/// # Ok::<(), onedge_data::Error>(())
/// ```
pub fn load(name: &str, given: BTreeMap<String, Value>, context: &Context<'_>) -> Result<Split, Error> {
    let entry = find("data set", ALL, name)?;
    (entry.build)(&Settings::resolve(entry, given)?, context)
}

/// The same with settings as text and nothing of the machine: for tests.
#[cfg(test)]
fn load_text(name: &str, given: &[(&str, &str)]) -> Result<Split, Error> {
    load_with(name, given, &Context::default())
}

/// The same with settings as text: for tests.
#[cfg(test)]
fn load_with(name: &str, given: &[(&str, &str)], context: &Context<'_>) -> Result<Split, Error> {
    let given = given.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
    load(name, given, context)
}

#[cfg(test)]
mod tests;
