//! Layers: each adds its parameters when the model is built, and its nodes when the graph is.

mod attention;
mod block;
mod conv;
mod dense;
mod feed_forward;
mod norm;

pub use attention::{Attention, Sight};
pub use block::{Block, BlockSizes};
pub use conv::Conv;
pub use dense::{Bias, Dense};
pub use feed_forward::FeedForward;
pub use norm::{Norm, Over};
