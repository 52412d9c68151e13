//! Folders of photographs: which files there are, what they show, and what was decoded before.

mod cache;
mod crop;
mod decode;
mod exif;
mod fault;
mod jpeg;
mod jpeg_headers;
mod listing;
mod load;
mod pixels;
mod png;
#[cfg(test)]
pub(crate) mod samples;

pub use fault::ImageFault;
pub use listing::{Listing, flat, list, passed_over};
pub use load::load;
