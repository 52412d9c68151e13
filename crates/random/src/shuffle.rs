use crate::Random;

impl Random {
    /// Brings `items` into a random order, each equally likely but for a bias below 2^-32 an index: the shuffle of Fisher and Yates from the front (Durstenfeld
    /// 1964), where item i changes places with one of the items 0 ..= i.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        if items.len() >= u32::MAX as usize {
            for i in 0..items.len() {
                let other = self.range(0, i + 1);
                items.swap(i, other);
            }
            return;
        }
        let mut chunk = Chunk { number: 0, left: 1 };
        for i in 0..items.len() {
            let other = chunk.take(self, i as u32 + 1);
            items.swap(i, other as usize);
        }
    }
}

/// A random number that several indices are taken from: below `m (m + 1) .. (m + left - 1)` for the next size m. At first it is 0, below 1.
struct Chunk {
    number: u32,
    left: u8,
}

impl Chunk {
    /// A number below `size`, which grows by one from call to call.
    fn take(&mut self, random: &mut Random, size: u32) -> u32 {
        if self.left == 0 {
            let (bound, left) = product(size);
            *self = Self { number: random.below(bound), left };
        }
        self.left -= 1;
        if self.left == 0 {
            return self.number;
        }
        let index = self.number % size;
        self.number /= size;
        index
    }
}

/// The largest product `m (m + 1) ..` of 32 bits, and its number of factors.
fn product(m: u32) -> (u32, u8) {
    let (mut product, mut factors) = (m, 1);
    while let Some(larger) = m.checked_add(u32::from(factors)).and_then(|next| product.checked_mul(next)) {
        (product, factors) = (larger, factors + 1);
    }
    (product, factors)
}
