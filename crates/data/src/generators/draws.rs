use onedge_random::Random;

use crate::Error;

/// The generator of one independent `stream` of a seed.
pub fn stream(seed: u64, stream: u64) -> Random {
    // Streams 0 and 1 belong to random subsets and train/test splits.
    Random::new(seed).stream(2 + stream)
}

/// Checks that `value` is from 0 to a million: beyond, single precision holds nothing of what is added to it.
pub fn require_scale(owner: &str, key: &str, value: f64) -> Result<(), Error> {
    if (0.0..=1e6).contains(&value) {
        return Ok(());
    }
    let (expected, got) = ("a number from 0 to 1e6".to_owned(), format!("{value:?}"));
    Err(onedge_registry::Error::OutOfRange { owner: owner.to_owned(), key: key.to_owned(), expected, got }.into())
}

/// A standard normal number, drawn in f64 and rounded.
pub fn normal(random: &mut Random) -> f32 {
    random.normal() as f32
}
