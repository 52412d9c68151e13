//! Layers: each adds its parameters when the model is built, and its nodes when the graph is.

mod dense;

pub use dense::{Bias, Dense};
