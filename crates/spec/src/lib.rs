//! The spec of a run: read from TOML and assignments, checked against the registries, printed back.
//!
//! Knows nothing of how a run is done or what it leaves.
#![forbid(unsafe_code)]

mod axes;
mod cadence;
mod catalogue;
mod document;
mod earlier;
mod error;
mod files;
mod grid;
mod machine;
mod meant;
mod print;
mod resolved;
mod sections;
mod settings;

pub use cadence::Cadence;
pub use catalogue::{Catalogue, CatalogueError};
pub use document::{Document, parse_table, plain};
pub use error::Error;
pub use files::{NamedFile, places_from};
pub use grid::{MOST_POINTS, Placed, Variant, count, expand, kind, label, points};
pub use machine::Machine;
pub use print::{Difference, to_toml};
pub use resolved::{CONTENT, Part, Precision, Spec};
pub use sections::{ALL as SECTIONS, Choice, PROVENANCE, Section};
pub use settings::ROOT;
