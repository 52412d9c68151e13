use std::time::{Duration, Instant};

use onedge_objective::Real;

use crate::ranks::{PIECE, relatives};

/// What lies between ranks, in numbers, and the seconds that their tree takes with it. A message of b bytes takes `latency + b / bandwidth`. A vector
/// of n elements is sent in pieces of 65,536 elements, and rank 0 has d = ceil(log2 R) ranks right below it, to each of which it sends every
/// piece itself, and from each of which it receives every piece. With m pieces of s bytes an element a vector thus takes
///
/// ```text
/// d (m latency + n s / bandwidth)
/// ```
///
/// down the tree or up. Ranks below have fewer right below them, so no piece waits for them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Network {
    /// Seconds until a message without content is there.
    pub latency: f64,
    /// Bytes a second.
    pub bandwidth: f64,
    /// Seconds a byte of turning values into a message, or of adding those of a message; 0 where the bandwidth was measured with that.
    pub handling: f64,
    /// Seconds until a rank that has waited for long sees that a message is there.
    pub wake: f64,
}

/// What a stage asks of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// A vector as long as the one that went down, as of a gradient or a product.
    Vector,
    /// Some numbers, as of a curvature or a loss.
    Numbers,
}

impl Network {
    /// How long a rank sleeps between two looks for a message, once it has waited for some time.
    pub const PAUSE: Duration = Duration::from_micros(100);

    /// A network known by name: what handling costs is measured here, in some milliseconds.
    pub fn new(latency: f64, bandwidth: f64) -> Self {
        Self { latency, bandwidth, handling: handling(), wake: Self::PAUSE.as_secs_f64() }
    }

    /// The ranks right below rank 0 of so many: the messages that it sends for one that all are to have.
    pub fn depth(ranks: usize) -> usize {
        relatives(0, ranks).1.len()
    }

    /// Seconds of a message.
    pub fn message(&self, bytes: usize) -> f64 {
        self.latency + bytes as f64 / self.bandwidth
    }

    /// Seconds in which a vector of so many elements, of `width` bytes each, goes down the tree of `ranks` or up.
    pub fn vector(&self, ranks: usize, elements: usize, width: usize) -> f64 {
        let depth = Self::depth(ranks) as f64;
        depth * (pieces(elements) as f64 * self.latency + (elements * width) as f64 / self.bandwidth)
    }

    /// Seconds between the ranks of a stage: a call and a vector down, a reply up. 0 for one rank.
    pub fn stage(&self, ranks: usize, elements: usize, width: usize, reply: Reply) -> f64 {
        if ranks < 2 {
            return 0.0;
        }
        let (depth, bytes) = (Self::depth(ranks) as f64, (elements * width) as f64);
        // Called, packed by rank 0, unpacked by all others at once.
        let down =
            depth * (self.wake + self.latency) + self.vector(ranks, elements, width) + 2.0 * self.handling * bytes;
        // The numbers first. Packed by those below, added by rank 0 one after the other.
        let up = depth * self.latency
            + match reply {
                Reply::Numbers => 0.0,
                Reply::Vector => self.vector(ranks, elements, width) + (depth + 1.0) * self.handling * bytes,
            };
        down + up
    }

    /// Seconds in which a mini-batch comes to where it is computed, of examples that lie evenly on all ranks, with `values` values of `width` bytes each: rank 0
    /// tells all ranks the batch, and each pair of ranks exchanges what it has for each other. `counts` are the examples that each rank computes. Pairs come in one
    /// order, so that with R ranks the last one has waited for `2 R - 3` exchanges. 0 for one rank.
    pub fn exchange(&self, counts: &[usize], values: usize, width: usize) -> f64 {
        let ranks = counts.len();
        if ranks < 2 {
            return 0.0;
        }
        let all: usize = counts.iter().sum();
        // Of what the two with most compute, each of them has a share.
        let mut most = counts.to_vec();
        most.sort_unstable_by(|a, b| b.cmp(a));
        most.truncate(2);
        let elements = most.iter().sum::<usize>().div_ceil(ranks) * values;
        let messages = most.iter().filter(|count| **count > 0).count();
        let turns = (2 * ranks - 3) as f64;
        self.told(ranks, all) + turns * (messages as f64 * self.latency + self.carried(elements * width))
    }

    /// Seconds in which rank 0 has the same examples come to change them, and sends each other rank its own.
    pub fn by_first(&self, counts: &[usize], values: usize, width: usize) -> f64 {
        let ranks = counts.len();
        if ranks < 2 {
            return 0.0;
        }
        let (all, others) = (counts.iter().sum::<usize>(), counts[1..].iter().filter(|count| **count > 0));
        let come = (ranks - 1) as f64 * self.latency + self.carried((all - all.div_ceil(ranks)) * values * width);
        let go: f64 = others.map(|count| self.latency + self.carried(count * values * width)).sum();
        self.told(ranks, all) + come + self.told(ranks, 0) + go
    }

    /// A call to all ranks, with the numbers of so many examples.
    fn told(&self, ranks: usize, examples: usize) -> f64 {
        Self::depth(ranks) as f64 * (self.wake + 2.0 * self.latency + (8 * examples) as f64 / self.bandwidth)
    }

    /// Bytes that are packed, sent and unpacked.
    fn carried(&self, bytes: usize) -> f64 {
        bytes as f64 * (1.0 / self.bandwidth + 2.0 * self.handling)
    }
}

/// The messages of a vector.
pub(crate) fn pieces(elements: usize) -> usize {
    elements.div_ceil(PIECE)
}

/// Seconds a byte of turning values into a message and of adding those of one, whichever of both: their mean.
pub(crate) fn handling() -> f64 {
    const ROUNDS: usize = 12;
    let (values, mut sums, mut bytes) = (vec![1f32; PIECE], vec![0f32; PIECE], Vec::new());
    let round = |_| {
        let start = Instant::now();
        bytes.clear();
        f32::to_bytes(&values, &mut bytes);
        for (sum, value) in sums.iter_mut().zip(f32::from_bytes(&bytes)) {
            *sum += value;
        }
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min) / (2 * PIECE * size_of::<f32>()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Network = Network { latency: 5e-6, bandwidth: 1e10, handling: 1e-10, wake: 1e-4 };

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12 * expected.abs(), "{got} for {expected}");
    }

    #[test]
    fn the_root_sends_to_every_level() {
        assert_eq!([1, 2, 3, 4, 5, 8, 9, 64, 1024].map(Network::depth), [0, 1, 2, 2, 3, 3, 4, 6, 10]);
    }

    /// Of 100,000 elements of 4 bytes: 2 pieces, 400,000 bytes, 40 microseconds of them.
    #[test]
    fn times_are_those_by_hand() {
        near(NETWORK.message(1000), 5.1e-6);
        near(NETWORK.vector(2, 100_000, 4), 50e-6);
        near(NETWORK.vector(8, 100_000, 4), 150e-6);
        // A call 105 us and 50 us down and 2 x 40 us of handling; numbers 5 us; 50 us up and 2 x 40 us.
        near(NETWORK.stage(2, 100_000, 4, Reply::Numbers), 240e-6);
        near(NETWORK.stage(2, 100_000, 4, Reply::Vector), 370e-6);
        // Three times 105, 50, 5 and 50 us; 80 and 160 us of handling.
        near(NETWORK.stage(8, 100_000, 4, Reply::Vector), 870e-6);
        // To one other rank: a call and the numbers of 20 examples, 110.016 us; of 20 examples of 3,004 bytes half are exchanged, in two messages of 5 us.
        let (each, handled) = (30_040.0 / 1e10, 2.0 * 1e-10 * 30_040.0);
        near(NETWORK.exchange(&[10, 10], 751, 4), 110.016e-6 + 10e-6 + each + handled);
        // Of three ranks one has nothing to compute: a third of 20 examples, seven at most, three times, one after the other.
        let seven = 7.0 * 3004.0;
        near(NETWORK.exchange(&[10, 10, 0], 751, 4), 220.032e-6 + 3.0 * (10e-6 + seven / 1e10 + 2.0 * 1e-10 * seven));
        near(NETWORK.exchange(&[0, 10, 10], 751, 4), NETWORK.exchange(&[10, 10, 0], 751, 4));
        // Half of them come to rank 0, and as many go.
        near(NETWORK.by_first(&[10, 10], 751, 4), 110.016e-6 + 110e-6 + 2.0 * (5e-6 + each + handled));
    }

    #[test]
    fn one_rank_says_nothing() {
        near(NETWORK.stage(1, 1000, 4, Reply::Vector) + 1.0, 1.0);
        near(NETWORK.exchange(&[9], 3, 4) + NETWORK.by_first(&[9], 3, 4) + 1.0, 1.0);
    }

    #[test]
    fn more_of_anything_takes_longer() {
        let stage = |network: &Network, ranks, elements| network.stage(ranks, elements, 4, Reply::Vector);
        let before = stage(&NETWORK, 8, 70_000);
        assert!(stage(&NETWORK, 16, 70_000) > before && stage(&NETWORK, 8, 140_000) > before);
        for slower in [
            Network { latency: 6e-6, ..NETWORK },
            Network { bandwidth: 9e9, ..NETWORK },
            Network { handling: 2e-10, ..NETWORK },
            Network { wake: 2e-4, ..NETWORK },
        ] {
            assert!(stage(&slower, 8, 70_000) > before, "{slower:?}");
        }
        let all: Vec<f64> = (1..70).map(|ranks| stage(&NETWORK, ranks, 1000)).collect();
        assert!(all.is_sorted());
        assert!(handling() > 0.0 && handling() < 1e-6);
    }
}
