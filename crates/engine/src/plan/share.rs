//! Products that read one right operand in a layout that they would rather not: the operand is copied once.

use std::collections::HashMap;

use super::arena::padded;
use super::step::{Area, Place, Step};
use crate::kernels::{Element, Sharing};

/// A value: where it lies, how often something was written there before, and its extents as products read it.
type Value = (Place, usize, [usize; 3]);

/// Gives the products of `steps` that share a right operand a copy of it, in places from element `arena_len` of the arena on. Returns the
/// new length of the arena.
pub fn share<T: Element>(steps: &mut Vec<Step<T>>, mut arena_len: usize) -> usize {
    let values = right_operands(steps);
    let mut uses: HashMap<Value, usize> = HashMap::new();
    values.iter().flatten().for_each(|value| *uses.entry(*value).or_default() += 1);
    let mut copies: HashMap<Value, Place> = HashMap::new();
    let before = std::mem::take(steps);
    for (step, value) in before.into_iter().zip(values) {
        let Some(value) = value.filter(|value| uses[value] > 1) else {
            steps.push(step);
            continue;
        };
        let Step::Product { kernel, operands: [left, right], out, write } = step else {
            unreachable!("only products have right operands")
        };
        let Sharing { copy, product, .. } = kernel.sharing().expect("asked before");
        let place = *copies.entry(value).or_insert_with(|| {
            let place = Place { area: Area::Arena, start: arena_len, len: right.len };
            arena_len += padded(right.len);
            steps.push(Step::Whole { op: "copy", kernel: copy, operands: vec![right], out: place });
            place
        });
        steps.push(Step::Product { kernel: product, operands: [left, place], out, write });
    }
    arena_len
}

/// The right operand of each step that is a product which could share it.
fn right_operands<T: Element>(steps: &[Step<T>]) -> Vec<Option<Value>> {
    let sharing = |step: &Step<T>| match step {
        Step::Product { kernel, operands, .. } => kernel.sharing().map(|sharing| (operands[1], sharing.extents)),
        _ => None,
    };
    let mut reads: HashMap<Place, usize> = HashMap::new();
    steps.iter().filter_map(sharing).for_each(|(place, _)| *reads.entry(place).or_default() += 1);
    // The places that several products read, each with the number of writes into it so far.
    let mut writes: HashMap<Place, usize> =
        reads.into_iter().filter(|(_, reads)| *reads > 1).map(|(place, _)| (place, 0)).collect();
    let mut values = Vec::with_capacity(steps.len());
    for step in steps {
        let value = sharing(step).and_then(|(place, extents)| Some((place, *writes.get(&place)?, extents)));
        values.push(value);
        for written in step.writes() {
            writes.iter_mut().filter(|(place, _)| place.overlaps(&written)).for_each(|(_, count)| *count += 1);
        }
    }
    values
}
