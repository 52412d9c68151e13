use std::collections::VecDeque;
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
    /// Adds memory to `kept`, chunk by chunk, for the chunks in `examples`: of as many as fit the budget, from the first. It comes from `spare`, where that has
    /// some of the same size. Only then is any made, and all that is spare given back.
    pub fn reserve<T: Real>(&self, kept: &mut Vec<Vec<T>>, spare: &mut VecDeque<Vec<T>>, examples: &Range<usize>) {
        kept.resize_with(self.chunks.len(), Vec::new);
        let used: usize = kept.iter().map(Vec::len).sum();
        let mut left = self.budget.saturating_sub(used as u64);
        for ((memory, chunk), &len) in kept.iter_mut().zip(self.chunks).zip(&self.lens) {
            if memory.is_empty() && examples.contains(&chunk.start) {
                if len as u64 > left {
                    left = 0;
                    continue;
                }
                left -= len as u64;
                let place = spare.iter().position(|spare| spare.len() == len);
                *memory = place.and_then(|place| spare.remove(place)).unwrap_or_else(|| {
                    spare.clear();
                    vec![T::ZERO; len]
                });
            }
        }
        // What is left of the budget is room for some of the rest.
        spare.retain(|memory| {
            let fits = memory.len() as u64 <= left;
            left -= if fits { memory.len() as u64 } else { 0 };
            fits
        });
    }
}

/// Takes the memory of all chunks away, to be used again.
pub fn release<T>(kept: &mut Vec<Vec<T>>, spare: &mut VecDeque<Vec<T>>) {
    // In their order before the rest, so that each chunk finds its own first.
    kept.drain(..).rev().filter(|memory| !memory.is_empty()).for_each(|memory| spare.push_front(memory));
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

    fn lens<'a>(kept: impl IntoIterator<Item = &'a Vec<f32>>) -> Vec<usize> {
        kept.into_iter().map(Vec::len).collect()
    }

    #[test]
    fn room_goes_to_the_first_and_stays_with_whoever_has_it() {
        let demand = |budget| Demand { chunks: &CHUNKS, lens: vec![10, 10, 10, 5], budget };
        let (mut kept, mut spare): (Vec<Vec<f32>>, VecDeque<Vec<f32>>) = Default::default();
        demand(28).reserve(&mut kept, &mut spare, &(4..7));
        assert_eq!(lens(&kept), [0, 0, 10, 5]);
        demand(28).reserve(&mut kept, &mut spare, &(0..7));
        assert_eq!(lens(&kept), [10, 0, 10, 5]);
        kept.clear();
        // The last would fit, but not after one that does not.
        demand(28).reserve(&mut kept, &mut spare, &(0..7));
        assert_eq!(lens(&kept), [10, 10, 0, 0]);
    }

    #[test]
    fn memory_is_used_again() {
        let demand = |budget| Demand { chunks: &CHUNKS, lens: vec![10, 10, 10, 5], budget };
        let (mut kept, mut spare): (Vec<Vec<f32>>, VecDeque<Vec<f32>>) = Default::default();
        demand(100).reserve(&mut kept, &mut spare, &(0..7));
        let places = |kept: &[Vec<f32>]| kept.iter().map(|memory| memory.as_ptr()).collect::<Vec<_>>();
        let before = places(&kept);
        // Each chunk has its own again.
        release(&mut kept, &mut spare);
        assert_eq!((kept.len(), lens(&spare)), (0, vec![10, 10, 10, 5]));
        demand(100).reserve(&mut kept, &mut spare, &(0..7));
        assert_eq!((places(&kept), spare.len()), (before.clone(), 0));
        // A part has that of another, and what is over stays, as far as the budget goes.
        release(&mut kept, &mut spare);
        demand(100).reserve(&mut kept, &mut spare, &(4..7));
        assert_eq!((lens(&kept), lens(&spare)), (vec![0, 0, 10, 5], vec![10, 10]));
        assert_eq!((kept[2].as_ptr(), kept[3].as_ptr()), (before[0], before[3]));
        demand(25).reserve(&mut kept, &mut spare, &(4..7));
        assert_eq!((lens(&kept), lens(&spare)), (vec![0, 0, 10, 5], vec![10]));
        // Other sizes.
        release(&mut kept, &mut spare);
        let larger = Demand { chunks: &CHUNKS[..2], lens: vec![11, 11], budget: 100 };
        larger.reserve(&mut kept, &mut spare, &(0..4));
        assert_eq!((lens(&kept), spare.len()), (vec![11, 11], 0));
    }
}
