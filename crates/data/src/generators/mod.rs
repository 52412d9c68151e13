//! Data sets of any size, drawn from stated distributions with ChaCha8, so that a seed means the same everywhere.

mod draws;
mod mixture;
mod teacher;

pub use mixture::{Mixture, mixture};
pub use teacher::{Teacher, teacher};
