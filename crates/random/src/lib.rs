//! Random draws that decide bits of runs: seeds, uniform and normal numbers, indices and shuffles, on top of the words of ChaCha8.
//!
//! What a seed gives is fixed here and by the tests, so that no update of a library changes a run. The rules are those of `rand` 0.10 and `rand_distr` 0.6,
//! bit by bit. Knows nothing of what is drawn for.
//!
//! # Example
//! ```
//! use onedge_random::Random;
//!
//! let mut random = Random::new(7);
//! let mut order: Vec<usize> = (0..5).collect();
//! random.shuffle(&mut order);
//! assert_eq!(order, [0, 3, 1, 2, 4]);
//! assert!(random.unit() < 1.0 && random.range(3, 9) < 9);
//! ```
#![forbid(unsafe_code)]

mod normal;
mod shuffle;
mod tables;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers, the same for the same seed everywhere.
#[derive(Debug, Clone)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// The first stream of a seed. The key of ChaCha8 is eight words of PCG32 (O'Neill 2014) that start from the seed, the state advanced before each.
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut key = [0; 32];
        for word in key.chunks_exact_mut(4) {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0xa176_54e4_6fbe_17f3);
            let shifted = (((state >> 18) ^ state) >> 27) as u32;
            word.copy_from_slice(&shifted.rotate_right((state >> 59) as u32).to_le_bytes());
        }
        Self::from_key(key)
    }

    /// The first stream of this key of ChaCha8.
    pub fn from_key(key: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Another stream of the same seed, from its start: the nonce of ChaCha8. Streams of different numbers are independent.
    pub fn stream(mut self, number: u64) -> Self {
        self.0.set_stream(number);
        self.at(0)
    }

    /// The same stream from word `position` on, each of 32 bits.
    pub fn at(mut self, position: u128) -> Self {
        self.0.set_word_pos(position);
        self
    }

    /// The next 32 bits.
    pub fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// The next 64 bits: two words, the low one first.
    pub fn long(&mut self) -> u64 {
        let low = u64::from(self.word());
        low | u64::from(self.word()) << 32
    }

    /// True or false, alike often: the highest bit of a word.
    pub fn flag(&mut self) -> bool {
        self.word() >> 31 == 1
    }

    /// A number in [0, 1), a multiple of 2^-53: the highest 53 of 64 bits.
    pub fn unit(&mut self) -> f64 {
        (self.long() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A whole number, `low` or more and less than `high`, by Canon's method: the high half of a word times the size of the range, corrected by a second
    /// word where the low half might have carried. What is left of a bias is below 2^-32. Ranges that reach beyond 2^32 take words of 64 bits.
    ///
    /// # Panics
    /// If there is none, low being `high` or more.
    pub fn range(&mut self, low: usize, high: usize) -> usize {
        assert!(low < high, "range: expected a number to draw, got none from {low} to {high}");
        match (u32::try_from(low), u32::try_from(high)) {
            (Ok(low), Ok(high)) => (low + self.below(high - low)) as usize,
            _ => low + self.below_long((high - low) as u64) as usize,
        }
    }

    /// A whole number below `size`, 1 or more.
    fn below(&mut self, size: u32) -> u32 {
        let product = u64::from(self.word()) * u64::from(size);
        let (high, low) = ((product >> 32) as u32, product as u32);
        if low <= size.wrapping_neg() {
            return high;
        }
        let correction = ((u64::from(self.word()) * u64::from(size)) >> 32) as u32;
        high + u32::from(low.checked_add(correction).is_none())
    }

    /// The same with words of 64 bits.
    fn below_long(&mut self, size: u64) -> u64 {
        let product = u128::from(self.long()) * u128::from(size);
        let (high, low) = ((product >> 64) as u64, product as u64);
        if low <= size.wrapping_neg() {
            return high;
        }
        let correction = ((u128::from(self.long()) * u128::from(size)) >> 64) as u64;
        high + u64::from(low.checked_add(correction).is_none())
    }
}
