//! What is done to a data set between reading and training, one transform per file.

mod downsample;
mod relabel;
mod scale;
mod subset;
mod train_test;

pub use downsample::downsample;
pub use relabel::relabel;
pub use scale::{Scale, scale};
pub use subset::{Pick, subset};
pub use train_test::train_test;
