//! What is told about predictions beside the loss; never differentiated.

mod absolute_error;
mod accuracy;

pub use absolute_error::absolute_error;
pub use accuracy::accuracy;
