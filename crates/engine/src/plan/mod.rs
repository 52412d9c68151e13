//! From a stage of a program to the steps that compute it for one chunk.
//!
//! [`schedule`] decides when each node is computed and with which others; [`strips`] what is done slice by slice; [`build`](mod@build) where each value
//! lives, and emits the steps. A plan holds kernels with their sizes, and places; only the runner touches memory.

mod arena;
mod build;
mod describe;
mod fuse;
mod item;
mod schedule;
mod share;
mod slicing;
mod step;
mod strips;
mod uses;

pub use arena::padded;
pub use build::{Stage, Transposed, build};
pub use schedule::is_fused;
pub use step::{Area, Fused, Instruction, Kernel, Operand, Place, Plan, Step, Write};
pub use uses::Uses;
