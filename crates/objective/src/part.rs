use std::ops::Range;

/// One of some equal parts of the examples that a loss is a mean over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which, counted from 0.
    pub index: usize,
    /// How many there are, 1 or more.
    pub of: usize,
}

impl Part {
    /// Its examples, by their places among `examples`: all parts together are all of them, and none has two more than another. Of
    /// fewer examples than parts each is a part of its own, and `index` counts on from the first after the last.
    pub fn range(self, examples: usize) -> Range<usize> {
        let of = self.of.clamp(1, examples.max(1));
        let index = self.index % of;
        index * examples / of..(index + 1) * examples / of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_examples_once() {
        for (examples, of) in [(10, 3), (7, 7), (12, 4), (5, 1), (1, 1)] {
            let parts: Vec<Range<usize>> = (0..of).map(|index| Part { index, of }.range(examples)).collect();
            assert_eq!((parts[0].start, parts[of - 1].end), (0, examples));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(parts.iter().all(|part| (examples / of..=examples / of + 1).contains(&part.len())));
        }
    }

    #[test]
    fn of_few_examples_each_is_a_part() {
        let ranges = [0, 1, 2, 5].map(|index| Part { index, of: 8 }.range(3));
        assert_eq!(ranges, [0..1, 1..2, 2..3, 2..3]);
        assert_eq!(Part { index: 2, of: 8 }.range(0), 0..0);
    }
}
