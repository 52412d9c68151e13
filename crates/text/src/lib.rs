//! Values as text for people: numbers, durations, tables, labels that tell things apart, hexadecimal digits.
//!
//! Knows nothing of what the values are.
#![forbid(unsafe_code)]

mod advice;
mod hex;
pub mod labels;
pub mod numbers;
mod printable;
pub mod table;
mod wrap;

pub use advice::{advice_on_writing, first_of, nearest_names};
pub use hex::hex;
pub use printable::{printable, printable_line};
pub use wrap::{beside, fitted, shortened, wrapped};
