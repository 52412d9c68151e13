//! The records of a run as pictures need them: read once, block by block, and again where a window is small enough to show each of them.

mod column;
mod identity;
mod lines;
mod readings;
mod sample;
mod scan;
mod window;

pub use scan::Series;
pub use window::{Tail, Wanted};
