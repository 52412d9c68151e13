//! The spec of a run: read from TOML and flags, checked against the registries, printed back.

mod document;
mod grid;
pub(crate) mod machine;
mod print;
mod resolved;
mod sections;

pub use document::Document;
pub use grid::{Variant, expand};
pub use resolved::{Part, Precision, Spec};
pub use sections::{ALL as SECTIONS, Choice, PROVENANCE, ROOT, Section};
