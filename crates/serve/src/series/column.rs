/// The extremes of one quantity over the records of a block.
#[derive(Debug, Clone, Copy)]
pub struct Extremes {
    /// The smallest number; NaN if the block has none.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// Where in the block they were, in 256ths of it.
    pub at_low: u8,
    /// Likewise.
    pub at_high: u8,
    /// Whether a value was recorded that is no finite number.
    pub gap: bool,
}

impl Extremes {
    pub const NOTHING: Self = Self { low: f64::NAN, high: f64::NAN, at_low: 0, at_high: 0, gap: false };

    /// Adds a value, which stands so far into the block.
    pub fn add(&mut self, value: f64, at: u8) {
        if !value.is_finite() {
            self.gap = true;
            return;
        }
        // Not `value < low`: the first number is compared with NaN.
        if self.low.is_nan() || value < self.low {
            (self.low, self.at_low) = (value, at);
        }
        if self.high.is_nan() || value > self.high {
            (self.high, self.at_high) = (value, at);
        }
    }

    /// This block and the next one as one block.
    fn with(self, next: Self) -> Self {
        let mut both = Self { at_low: self.at_low / 2, at_high: self.at_high / 2, ..self };
        if !next.low.is_nan() {
            both.add(next.low, 128 + next.at_low / 2);
            both.add(next.high, 128 + next.at_high / 2);
        }
        both.gap = self.gap || next.gap;
        both
    }
}

/// One quantity along a run, block by block.
#[derive(Debug, Clone, Default)]
pub struct Column {
    blocks: Vec<Extremes>,
}

impl Column {
    /// Adds a value to the block of this number.
    pub fn add(&mut self, block: usize, value: f64, at: u8) {
        if self.blocks.len() <= block {
            self.blocks.resize(block + 1, Extremes::NOTHING);
        }
        self.blocks[block].add(value, at);
    }

    /// The block of this number.
    pub fn block(&self, block: usize) -> Extremes {
        self.blocks.get(block).copied().unwrap_or(Extremes::NOTHING)
    }

    /// Makes one block of every two.
    pub fn halve(&mut self) {
        let pair = |pair: &[Extremes]| pair[0].with(pair.get(1).copied().unwrap_or(Extremes::NOTHING));
        self.blocks = self.blocks.chunks(2).map(pair).collect();
    }

    /// In bytes.
    pub fn size(&self) -> usize {
        self.blocks.capacity() * size_of::<Extremes>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_keeps_extremes_gaps_and_places() {
        let mut column = Column::default();
        for (block, values) in [[1.0, 5.0], [f64::NAN, 2.0], [-3.0, 0.5]].into_iter().enumerate() {
            values.into_iter().zip([0, 128]).for_each(|(value, at)| column.add(block, value, at));
        }
        column.halve();
        let (first, second) = (column.block(0), column.block(1));
        assert_eq!((first.low, first.high, first.at_low, first.at_high, first.gap), (1.0, 5.0, 0, 64, true));
        assert_eq!((second.low, second.high, second.gap), (-3.0, 0.5, false));
        assert!(column.block(7).low.is_nan());
    }
}
