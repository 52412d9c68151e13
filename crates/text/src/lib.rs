//! Values as text for people: numbers, durations, tables, labels that tell things apart, hexadecimal digits.
//!
//! Knows nothing of what the values are.
#![forbid(unsafe_code)]

mod advice;
mod hex;
pub mod labels;
pub mod table;

pub use advice::{advice_on_writing, first_of, nearest_names};
pub use hex::hex;
