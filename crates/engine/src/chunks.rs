use std::ops::Range;

use crate::Options;

/// A run of consecutive examples, and the lane that it is summed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The first example.
    pub start: usize,
    /// The number of examples.
    pub len: usize,
    /// The lane.
    pub lane: usize,
    /// Where its examples begin among those that are held here: at `start`, unless others hold some of them.
    pub place: usize,
}

/// How many examples chunks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// About so many.
    pub target: usize,
    /// A multiple of this, where there are enough.
    pub block: usize,
}

impl Sizes {
    /// Few enough examples for the cache, when each needs `bytes` of memory in a pass, and enough for products to run
    /// at full speed, when they have `rows` for each example.
    pub fn new(options: &Options, bytes: usize, rows: f64) -> Self {
        /// What a pass may touch and still find in the caches of a core.
        const CACHE_BYTES: usize = 6 << 20;
        /// What it may touch so that products have their rows.
        const PRODUCT_BYTES: usize = 24 << 20;
        /// Whatever they touch, products have tiles of so many examples.
        const FEWEST: usize = 16;
        /// The height of a tile of the product kernels.
        const TILE_ROWS: f64 = 16.0;
        /// Rows over which the packing of the other operand is paid off.
        const PRODUCT_ROWS: f64 = 512.0;
        let bytes = bytes.max(1);
        let block = (TILE_ROWS / rows).ceil().max(1.0) as usize;
        // Whoever asks for chunks smaller than a tile gets them, at the price of speed.
        let block = options.chunk.map_or(block, |chunk| block.min(chunk));
        let most = (PRODUCT_BYTES / bytes).clamp(FEWEST, 1024);
        let least = ((PRODUCT_ROWS / rows).ceil() as usize).clamp(1, most).next_multiple_of(block);
        let target =
            options.chunk.unwrap_or_else(|| (CACHE_BYTES / bytes).clamp(least, 1024.max(least)) / block * block);
        Self { target, block }
    }
}

/// Cuts `examples` into chunks, as many for each lane, nearly equal and in order. Depends on the number of lanes, never
/// on that of threads.
pub fn cut(examples: Range<usize>, lanes: usize, Sizes { target, block }: Sizes) -> Vec<Chunk> {
    let (first, examples) = (examples.start, examples.len());
    let blocks = examples.div_ceil(block);
    let lanes = lanes.min(blocks);
    // To the nearest: a little more than the target beats many that are much smaller.
    let per_lane = ((examples + target * lanes / 2) / (target * lanes)).clamp(1, blocks.div_ceil(lanes));
    let count = (per_lane * lanes).min(blocks);
    let bound = |i: usize| (i * blocks / count * block).min(examples);
    let chunk = |i: usize| {
        let start = first + bound(i);
        Chunk { start, len: bound(i + 1) - bound(i), lane: i * lanes / count, place: start }
    };
    (0..count).map(chunk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_every_example_once_and_in_order() {
        for examples in [1, 7, 16, 17, 64, 100, 511, 4096, 5000] {
            for (lanes, target, block) in [(1, 64, 16), (4, 512, 16), (4, 100, 16), (8, 16, 16), (3, 5, 1), (2, 1, 1)] {
                let chunks = cut(0..examples, lanes, Sizes { target, block });
                assert_eq!(chunks[0].start, 0);
                assert_eq!(chunks.iter().map(|c| c.len).sum::<usize>(), examples);
                for pair in chunks.windows(2) {
                    assert_eq!(pair[0].start + pair[0].len, pair[1].start);
                    assert!(pair[0].lane == pair[1].lane || pair[0].lane + 1 == pair[1].lane);
                }
                assert!(
                    chunks
                        .iter()
                        .all(|c| c.len > 0 && c.lane < lanes && 2 * c.len <= 3 * target.max(block) + 2 * block)
                );
            }
        }
    }

    #[test]
    fn a_full_batch_gives_every_lane_the_same_work() {
        let chunks = cut(0..4096, 4, Sizes { target: 512, block: 16 });
        assert_eq!(chunks.len(), 8);
        assert!(chunks.iter().all(|c| c.len == 512));
    }

    #[test]
    fn examples_of_many_rows_make_small_chunks() {
        let options = Options { chunk: None, ..Options::for_this_machine() };
        assert_eq!(Sizes::new(&options, 3 << 10, 1.0), Sizes { target: 1024, block: 16 });
        assert_eq!(Sizes::new(&options, 24 << 10, 1.0), Sizes { target: 512, block: 16 });
        assert_eq!(Sizes::new(&options, 24 << 10, 16.0), Sizes { target: 256, block: 1 });
        assert_eq!(Sizes::new(&options, 7 << 20, 64.0), Sizes { target: 8, block: 1 });
        assert_eq!(Sizes::new(&options, 7 << 20, 600.0), Sizes { target: 1, block: 1 });
        assert_eq!(Sizes::new(&options, 7 << 20, 1.0), Sizes { target: 16, block: 16 });
    }

    #[test]
    fn a_chunk_that_is_asked_for_is_had() {
        for (chunk, block) in [(1, 1), (5, 5), (16, 16), (64, 16)] {
            let options = Options { chunk: Some(chunk), ..Options::for_this_machine() };
            let sizes = Sizes::new(&options, 24 << 10, 1.0);
            assert_eq!(sizes, Sizes { target: chunk, block });
            assert!(cut(0..1280, 4, sizes).iter().all(|c| c.len == chunk), "chunks of {chunk}");
        }
    }
}
