use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The mini-batches of a run: every epoch visits the examples in a new order that the seed decides. What is left
/// over and does not fill a batch sits that epoch out.
#[derive(Debug, Clone)]
pub struct Batches {
    order: Vec<usize>,
    size: usize,
    next: usize,
    random: ChaCha8Rng,
}

/// Keeps the order of examples apart from the initial parameters, which have the same seed.
const STREAM: u64 = 1;

impl Batches {
    /// Batches of `size` out of `examples`.
    ///
    /// # Panics
    /// If `size` is 0 or exceeds `examples`.
    pub fn new(examples: usize, size: usize, seed: u64) -> Self {
        assert!(0 < size && size <= examples, "batches: {size} of {examples} examples");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(STREAM);
        Self { order: (0..examples).collect(), size, next: examples, random }
    }

    /// The examples of the next batch.
    pub fn draw(&mut self) -> &[usize] {
        if self.next + self.size > self.order.len() {
            self.order.shuffle(&mut self.random);
            self.next = 0;
        }
        let batch = &self.order[self.next..self.next + self.size];
        self.next += self.size;
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(seed: u64, count: usize) -> Vec<Vec<usize>> {
        let mut batches = Batches::new(10, 3, seed);
        (0..count).map(|_| batches.draw().to_vec()).collect()
    }

    #[test]
    fn an_epoch_visits_no_example_twice() {
        for epoch in draws(5, 12).chunks(3) {
            let mut seen = epoch.concat();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 9);
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(draws(5, 7), draws(5, 7));
        assert_ne!(draws(5, 7), draws(6, 7));
        let epochs = draws(5, 6);
        assert_ne!(epochs[..3], epochs[3..]);
    }
}
