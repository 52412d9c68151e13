//! Draw by draw against `rand` and `rand_distr`, whose rules these are.

use onedge_random::Random;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const SEEDS: [u64; 5] = [0, 1, 7, 0xdead_beef, u64::MAX];

fn both(seed: u64, stream: u64) -> (Random, ChaCha8Rng) {
    let mut theirs = ChaCha8Rng::seed_from_u64(seed);
    theirs.set_stream(stream);
    (Random::new(seed).stream(stream), theirs)
}

/// A million normal numbers pass through every layer and, some four hundred times, the tail.
#[test]
fn normal_numbers() {
    let (mut ours, mut theirs) = both(3, 11);
    let mut beyond = 0;
    for _ in 0..1_000_000 {
        let expected: f64 = StandardNormal.sample(&mut theirs);
        let got = ours.normal();
        assert_eq!(got.to_bits(), expected.to_bits());
        beyond += usize::from(got.abs() > 3.66);
    }
    assert!(beyond > 100, "{beyond}");
}

#[test]
fn uniform_numbers_and_flags_in_turn() {
    for seed in SEEDS {
        let (mut ours, mut theirs) = both(seed, seed / 3);
        for _ in 0..20_000 {
            assert_eq!(ours.flag(), theirs.random::<bool>());
            assert_eq!(ours.unit().to_bits(), theirs.random::<f64>().to_bits());
            assert_eq!(ours.long(), theirs.random::<u64>());
        }
    }
}

/// Sizes near 2^32 take the second word half of the time.
#[test]
fn indices() {
    let sizes = [1, 2, 3, 10, 1000, 65_537, 3_000_000_000, u32::MAX as usize, 1 << 32, (1 << 33) + 7, usize::MAX - 1];
    for seed in SEEDS {
        let (mut ours, mut theirs) = both(seed, 5);
        for i in 0..20_000 {
            let size = sizes[i % sizes.len()];
            let low = if i % 3 == 0 { size / 2 } else { 0 };
            assert_eq!(ours.range(low, size), theirs.random_range(low..size), "{low} to {size}");
            assert_eq!(ours.range(0, 9), theirs.random_range(0..=8usize));
            assert_eq!(ours.range(0, 10) as u32, theirs.random_range(0..10u32));
        }
    }
}

#[test]
fn shuffles() {
    for seed in SEEDS {
        let (mut ours, mut theirs) = both(seed, 1);
        for len in (0..70).chain([255, 1000, 66_000, 200_000]) {
            let mut items: Vec<usize> = (0..len).collect();
            let mut expected = items.clone();
            ours.shuffle(&mut items);
            expected.shuffle(&mut theirs);
            assert_eq!(items, expected, "{len}");
        }
        assert_eq!(ours.word(), theirs.random::<u32>());
    }
}

#[test]
fn keys_and_positions() {
    let key = std::array::from_fn(|i| i as u8 * 7);
    let mut theirs = ChaCha8Rng::from_seed(key);
    theirs.set_stream(9);
    theirs.set_word_pos(12_345_678_901);
    let mut ours = Random::from_key(key).stream(9).at(12_345_678_901);
    for _ in 0..1000 {
        assert_eq!(ours.long(), theirs.random::<u64>());
    }
}
