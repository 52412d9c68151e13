//! The spec of a run: read from TOML and flags, checked against the registries, printed back.

mod document;
mod grid;
pub(crate) mod machine;
mod print;
mod resolved;
mod sections;

pub use document::Document;
pub(crate) use document::{parse_table, plain};
pub(crate) use grid::{Placed, kind, label, points};
pub use grid::{Variant, expand};
pub(crate) use print::to_toml;
pub use resolved::{Part, Precision, Spec};
pub use sections::{ALL as SECTIONS, Choice, PROVENANCE, ROOT, Section};
