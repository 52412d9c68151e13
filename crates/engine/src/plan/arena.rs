/// Alignment of every value, in elements: a cache line of f32.
const ALIGNMENT: usize = 16;

/// Hands out places in scratch memory and takes them back: first fit.
#[derive(Debug, Default)]
pub struct Arena {
    /// Free gaps `(start, len)` below `len`, by start.
    gaps: Vec<(usize, usize)>,
    len: usize,
}

impl Arena {
    /// The first element of a place for `len` elements.
    pub fn allocate(&mut self, len: usize) -> usize {
        let len = padded(len);
        if let Some(index) = self.gaps.iter().position(|&(_, gap)| gap >= len) {
            let (start, gap) = self.gaps[index];
            if gap == len {
                self.gaps.remove(index);
            } else {
                self.gaps[index] = (start + len, gap - len);
            }
            return start;
        }
        // A gap at the end grows.
        let start = match self.gaps.last() {
            Some(&(start, gap)) if start + gap == self.len => {
                self.gaps.pop();
                start
            }
            _ => self.len,
        };
        self.len = start + len;
        start
    }

    /// Takes back the place of `len` elements at `start`.
    pub fn free(&mut self, start: usize, len: usize) {
        let len = padded(len);
        let index = self.gaps.partition_point(|&(other, _)| other < start);
        self.gaps.insert(index, (start, len));
        if index + 1 < self.gaps.len() && start + len == self.gaps[index + 1].0 {
            self.gaps[index].1 += self.gaps.remove(index + 1).1;
        }
        if index > 0 && self.gaps[index - 1].0 + self.gaps[index - 1].1 == start {
            self.gaps[index - 1].1 += self.gaps.remove(index).1;
        }
    }

    /// The largest extent reached.
    pub fn len(&self) -> usize {
        self.len
    }
}

/// `len` rounded up to whole cache lines.
pub fn padded(len: usize) -> usize {
    len.next_multiple_of(ALIGNMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reuses_and_merges_gaps() {
        let mut arena = Arena::default();
        let places: Vec<usize> = [10, 20, 30].map(|len| arena.allocate(len)).to_vec();
        assert_eq!(places, [0, 16, 48]);
        arena.free(0, 10);
        arena.free(16, 20);
        assert_eq!(arena.allocate(40), 0);
        arena.free(48, 30);
        assert_eq!(arena.allocate(64), 48);
        assert_eq!(arena.len(), 112);
    }
}
