//! Data sets of any size, drawn from stated distributions with ChaCha8, so that a seed means the same everywhere.

mod mixture;
mod teacher;

pub use mixture::{Mixture, mixture};
pub use teacher::{Teacher, teacher};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::Error;

/// The generator of one independent `stream` of a seed.
fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // Streams 0 and 1 belong to random subsets and train/test splits.
    random.set_stream(2 + stream);
    random
}

/// Checks that `value` is from 0 to a million: beyond, single precision holds nothing of what is added to it.
fn require_scale(owner: &str, key: &str, value: f64) -> Result<(), Error> {
    if (0.0..=1e6).contains(&value) {
        return Ok(());
    }
    let (expected, got) = ("a number from 0 to 1e6".to_owned(), format!("{value:?}"));
    Err(onedge_registry::Error::OutOfRange { owner: owner.to_owned(), key: key.to_owned(), expected, got }.into())
}

/// A standard normal number, drawn in f64 and rounded.
fn normal(random: &mut ChaCha8Rng) -> f32 {
    let number: f64 = StandardNormal.sample(random);
    number as f32
}
