use onedge_random::Random;
use serde::{Deserialize, Serialize};

/// The mini-batches of a run: every epoch visits the examples in a new order that the seed decides.
#[derive(Debug, Clone)]
pub struct Batches {
    order: Vec<usize>,
    size: usize,
    last: Last,
    next: usize,
    drawn: u64,
    random: Random,
}

/// What becomes of the examples at the end of an epoch that do not fill a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// They sit that epoch out.
    Dropped,
    /// They make a smaller batch.
    Kept,
}

/// How far a run is in its mini-batches. With the examples, the size, what becomes of the last ones and the seed it
/// decides all that follow, and what [`Augment`](super::Augment) makes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Batches drawn so far.
    pub drawn: u64,
}

/// Keeps the order of examples apart from the initial parameters, which have the same seed.
const STREAM: u64 = 1;

impl Batches {
    /// Batches of `size` out of `examples`.
    ///
    /// # Panics
    /// If `size` is 0 or exceeds `examples`.
    pub fn new(examples: usize, size: usize, last: Last, seed: u64) -> Self {
        assert!(0 < size && size <= examples, "batches: {size} of {examples} examples");
        let random = Random::new(seed).stream(STREAM);
        Self { order: (0..examples).collect(), size, last, next: examples, drawn: 0, random }
    }

    /// The same from `position` on. Cost: one shuffle for each epoch before it.
    ///
    /// # Panics
    /// If `size` is 0 or exceeds `examples`.
    pub fn at(position: Position, examples: usize, size: usize, last: Last, seed: u64) -> Self {
        let mut batches = Self::new(examples, size, last, seed);
        for _ in 0..position.drawn {
            batches.draw();
        }
        batches
    }

    /// How far it is.
    pub fn position(&self) -> Position {
        Position { drawn: self.drawn }
    }

    /// The examples of the next batch.
    pub fn draw(&mut self) -> &[usize] {
        let least = match self.last {
            Last::Dropped => self.size,
            Last::Kept => 1,
        };
        if self.order.len() - self.next < least {
            self.random.shuffle(&mut self.order);
            self.next = 0;
        }
        let start = self.next;
        self.next = (start + self.size).min(self.order.len());
        self.drawn += 1;
        &self.order[start..self.next]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(batches: &mut Batches, count: usize) -> Vec<Vec<usize>> {
        (0..count).map(|_| batches.draw().to_vec()).collect()
    }

    fn first(last: Last, seed: u64, count: usize) -> Vec<Vec<usize>> {
        draws(&mut Batches::new(10, 3, last, seed), count)
    }

    #[test]
    fn an_epoch_visits_no_example_twice() {
        for epoch in first(Last::Dropped, 5, 12).chunks(3) {
            let mut seen = epoch.concat();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 9);
        }
    }

    #[test]
    fn with_the_last_ones_an_epoch_visits_every_example() {
        let drawn = first(Last::Kept, 5, 12);
        for epoch in drawn.chunks(4) {
            assert_eq!(epoch.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3, 1]);
            let mut seen = epoch.concat();
            seen.sort_unstable();
            assert_eq!(seen, (0..10).collect::<Vec<_>>());
        }
        // The order is the same either way.
        assert_eq!(drawn[..3], first(Last::Dropped, 5, 3));
        assert_eq!(drawn[4..7], first(Last::Dropped, 5, 6)[3..]);
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(first(Last::Dropped, 5, 7), first(Last::Dropped, 5, 7));
        assert_ne!(first(Last::Dropped, 5, 7), first(Last::Dropped, 6, 7));
        let epochs = first(Last::Dropped, 5, 6);
        assert_ne!(epochs[..3], epochs[3..]);
    }

    #[test]
    fn a_position_is_all_that_must_be_kept() {
        for last in [Last::Dropped, Last::Kept] {
            for steps in [0, 1, 3, 4, 9] {
                let mut batches = Batches::new(10, 3, last, 5);
                draws(&mut batches, steps);
                let text = serde_json::to_string(&batches.position()).unwrap();
                let mut again = Batches::at(serde_json::from_str(&text).unwrap(), 10, 3, last, 5);
                assert_eq!(draws(&mut again, 9), draws(&mut batches, 9));
            }
        }
    }
}
