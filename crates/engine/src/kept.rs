use std::ops::Range;

use onedge_objective::Real;

use crate::chunks::Chunk;

/// What the gradient's pass would keep of each chunk, in elements, and how many there may be in all.
pub struct Demand<'a> {
    /// The chunks.
    pub chunks: &'a [Chunk],
    /// Elements kept of each.
    pub lens: Vec<usize>,
    /// Elements that there is room for.
    pub budget: u64,
}

impl Demand<'_> {
    /// Adds memory to `kept`, chunk by chunk, for the chunks in `examples`: of as many as fit the budget, from the first.
    pub fn reserve<T: Real>(&self, kept: &mut Vec<Vec<T>>, examples: &Range<usize>) {
        kept.resize_with(self.chunks.len(), Vec::new);
        let used: usize = kept.iter().map(Vec::len).sum();
        let mut left = self.budget.saturating_sub(used as u64);
        for ((memory, chunk), &len) in kept.iter_mut().zip(self.chunks).zip(&self.lens) {
            if memory.is_empty() && examples.contains(&chunk.start) {
                let fits = len as u64 <= left;
                left = if fits { left - len as u64 } else { 0 };
                memory.resize(if fits { len } else { 0 }, T::ZERO);
            }
        }
    }

    /// The memory that was kept at an old point, for the chunks in `examples` at a new one: theirs, or that of others of the same size.
    pub fn hand_on<T: Real>(&self, mut kept: Vec<Vec<T>>, examples: &Range<usize>) -> Vec<Vec<T>> {
        kept.resize_with(self.chunks.len(), Vec::new);
        let mut spare = Vec::new();
        for ((memory, chunk), &len) in kept.iter_mut().zip(self.chunks).zip(&self.lens) {
            if !examples.contains(&chunk.start) || memory.len() != len {
                spare.push(std::mem::take(memory));
            }
        }
        for ((memory, chunk), &len) in kept.iter_mut().zip(self.chunks).zip(&self.lens) {
            if memory.is_empty() && examples.contains(&chunk.start) {
                let place = spare.iter().position(|spare: &Vec<T>| spare.len() == len);
                *memory = place.map_or_else(Vec::new, |place| spare.swap_remove(place));
            }
        }
        self.reserve(&mut kept, examples);
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKS: [Chunk; 4] = [
        Chunk { start: 0, len: 2, lane: 0, place: 0 },
        Chunk { start: 2, len: 2, lane: 1, place: 2 },
        Chunk { start: 4, len: 2, lane: 0, place: 4 },
        Chunk { start: 6, len: 1, lane: 1, place: 6 },
    ];

    fn lens(kept: &[Vec<f32>]) -> Vec<usize> {
        kept.iter().map(Vec::len).collect()
    }

    #[test]
    fn room_goes_to_the_first_and_stays_with_whoever_has_it() {
        let demand = |budget| Demand { chunks: &CHUNKS, lens: vec![10, 10, 10, 5], budget };
        let mut kept: Vec<Vec<f32>> = Vec::new();
        demand(28).reserve(&mut kept, &(4..7));
        assert_eq!(lens(&kept), [0, 0, 10, 5]);
        demand(28).reserve(&mut kept, &(0..7));
        assert_eq!(lens(&kept), [10, 0, 10, 5]);
        let mut kept: Vec<Vec<f32>> = Vec::new();
        // The last would fit, but not after one that does not.
        demand(28).reserve(&mut kept, &(0..7));
        assert_eq!(lens(&kept), [10, 10, 0, 0]);
    }

    #[test]
    fn memory_moves_to_the_next_part() {
        let demand = Demand { chunks: &CHUNKS, lens: vec![10, 10, 10, 5], budget: 100 };
        let kept = demand.hand_on::<f32>(Vec::new(), &(0..4));
        let places: Vec<*const f32> = kept.iter().map(|memory| memory.as_ptr()).collect();
        let kept = demand.hand_on(kept, &(4..7));
        assert_eq!(lens(&kept), [0, 0, 10, 5]);
        assert!(places[..2].contains(&kept[2].as_ptr()) && kept[0].capacity() == 0);
        let place = kept[2].as_ptr();
        let kept = demand.hand_on(kept, &(0..7));
        assert_eq!((lens(&kept), kept[2].as_ptr()), (vec![10, 10, 10, 5], place));
    }
}
