use crate::Options;

/// Rows of a chunk are a multiple of this, where there are enough: the height of a tile of the product kernels.
const ROWS: usize = 16;

/// A run of consecutive examples, and the lane that it is summed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The first example.
    pub start: usize,
    /// The number of examples.
    pub len: usize,
    /// The lane.
    pub lane: usize,
}

/// Cuts `examples` into chunks of about `target` examples, as many for each lane, nearly equal and in order. Depends on
/// the number of lanes, never on that of threads.
pub fn cut(examples: usize, lanes: usize, target: usize) -> Vec<Chunk> {
    let blocks = examples.div_ceil(ROWS);
    let lanes = lanes.min(blocks);
    let per_lane = examples.div_ceil(target * lanes).min(blocks.div_ceil(lanes));
    let count = (per_lane * lanes).min(blocks);
    let bound = |i: usize| (i * blocks / count * ROWS).min(examples);
    let chunk = |i: usize| Chunk { start: bound(i), len: bound(i + 1) - bound(i), lane: i * lanes / count };
    (0..count).map(chunk).collect()
}

/// The number of examples in a chunk, when each needs `bytes` of memory in a pass: few enough for the cache, enough
/// for products to run at full speed.
pub fn target(options: &Options, bytes: usize) -> usize {
    const CACHE_BYTES: usize = 24 << 20;
    options.chunk.unwrap_or_else(|| (CACHE_BYTES / bytes.max(1)).clamp(ROWS, 1024) / ROWS * ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_every_example_once_and_in_order() {
        for examples in [1, 7, 16, 17, 64, 100, 511, 4096, 5000] {
            for (lanes, target) in [(1, 64), (4, 512), (4, 100), (8, 16)] {
                let chunks = cut(examples, lanes, target);
                assert_eq!(chunks[0].start, 0);
                assert_eq!(chunks.iter().map(|c| c.len).sum::<usize>(), examples);
                for pair in chunks.windows(2) {
                    assert_eq!(pair[0].start + pair[0].len, pair[1].start);
                    assert!(pair[0].lane == pair[1].lane || pair[0].lane + 1 == pair[1].lane);
                }
                assert!(chunks.iter().all(|c| c.len > 0 && c.lane < lanes && c.len <= target.max(ROWS) + ROWS));
            }
        }
    }

    #[test]
    fn a_full_batch_gives_every_lane_the_same_work() {
        let chunks = cut(4096, 4, 512);
        assert_eq!(chunks.len(), 8);
        assert!(chunks.iter().all(|c| c.len == 512));
    }
}
