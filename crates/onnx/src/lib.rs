//! Models with their parameters as ONNX files: each op of the graph becomes the nodes of ONNX that compute the same.
//!
//! Knows nothing of data, training and files: it takes a model and numbers and gives bytes.
#![forbid(unsafe_code)]

mod error;
mod export;
mod extents;
mod lower;
mod ops;
mod proto;

pub use error::Error;
pub use export::{INPUT, OUTPUT, Scaling, of_graph, of_model};
