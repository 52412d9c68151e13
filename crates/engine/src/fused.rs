//! Runs elementwise work, tile by tile.

use crate::kernels::{Element, TILE, add_window, scale, select, tile_total, vectorised};
use crate::plan::{Fused, Instruction, Kernel, Operand, Place};
use crate::run::{Areas, disjoint};

/// Runs all instructions on every tile, compiled for the vectors of this machine as one.
pub fn run<T: Element>(fused: &Fused<T>, areas: &mut Areas<'_, T>) {
    for &(tile, value) in &fused.constants {
        areas.tiles[tile * TILE..(tile + 1) * TILE].fill(value);
    }
    for instruction in &fused.instructions {
        assert_disjoint(instruction);
        if let (Kernel::Sum { write, .. }, Operand::Memory(place)) = (&instruction.kernel, instruction.out)
            && !areas.adds(*write)
        {
            let sums = areas.base(place);
            // SAFETY: `base` checked that the place lies in its area, which `areas` borrows mutably.
            unsafe { std::slice::from_raw_parts_mut(sums, place.len) }.fill(T::ZERO);
        }
    }
    vectorised(
        #[inline(always)]
        || {
            for start in (0..fused.len).step_by(TILE) {
                let len = TILE.min(fused.len - start);
                for instruction in &fused.instructions {
                    run_instruction(instruction, start, len, areas);
                }
            }
        },
    );
}

/// That no instruction reads what it writes: whole values are compared, so it holds for their parts under any tile.
fn assert_disjoint<T>(instruction: &Instruction<T>) {
    for operand in &instruction.operands {
        let apart = match (operand, instruction.out) {
            (Operand::Tile(a), Operand::Tile(b)) => *a != b,
            (Operand::Memory(a), Operand::Memory(b)) => disjoint(*a, b),
            _ => true,
        };
        assert!(apart || matches!(instruction.kernel, Kernel::Total(_)), "{operand:?} overlaps {:?}", instruction.out);
    }
}

/// Runs one instruction, known to read nothing of what it writes, on the elements `start .. start + len`.
#[inline(always)]
fn run_instruction<T: Element>(instruction: &Instruction<T>, start: usize, len: usize, areas: &mut Areas<'_, T>) {
    let operands = &instruction.operands;
    match &instruction.kernel {
        Kernel::Total(slot) => {
            let value = tile_total(part(areas, operands[0], start, len));
            areas.totals[*slot] += value;
            return;
        }
        Kernel::Spread { every, .. } if !start.is_multiple_of(*every) => return,
        _ => {}
    }
    let (to, len_written) = match (&instruction.kernel, instruction.out) {
        (_, Operand::Tile(tile)) => (areas.tiles[tile * TILE..tile * TILE + len].as_mut_ptr(), len),
        (Kernel::Sum { .. }, Operand::Memory(place)) => (areas.base(place), place.len),
        (_, Operand::Memory(place)) => (areas.base(window(place, start, len)), len),
    };
    // SAFETY: `to` points to that many elements of an area or tile that `areas` borrows mutably; no operand overlaps
    // them, by `assert_disjoint`, so the shared slices and the mutable one are of different elements.
    let to = unsafe { std::slice::from_raw_parts_mut(to, len_written) };
    let read = |argument: usize| part(areas, operands[argument], start, len);
    match &instruction.kernel {
        Kernel::Unary(kernel) => kernel.apply(read(0), to),
        Kernel::Binary(kernel) => kernel.apply(read(0), read(1), to),
        Kernel::Pair(kernel) => kernel.apply(read(0), read(1), read(2), to),
        Kernel::Select => select(read(0), read(1), read(2), to),
        Kernel::Scale(c) => scale(*c, read(0), to),
        Kernel::Spread { spec, .. } => spec.load(whole(areas, operands[0]), start, to),
        Kernel::Copy => to.copy_from_slice(read(0)),
        Kernel::Sum { spec, .. } => add_window(spec, start, read(0), to),
        Kernel::Total(_) => unreachable!("handled above"),
    }
}

/// The part of an operand under a tile.
#[inline(always)]
fn part<'a, T: Element>(areas: &'a Areas<'_, T>, operand: Operand, start: usize, len: usize) -> &'a [T] {
    match operand {
        Operand::Tile(tile) => &areas.tiles[tile * TILE..tile * TILE + len],
        Operand::Memory(place) => areas.read(window(place, start, len)),
    }
}

/// All of an operand.
fn whole<'a, T: Element>(areas: &'a Areas<'_, T>, operand: Operand) -> &'a [T] {
    match operand {
        Operand::Tile(tile) => &areas.tiles[tile * TILE..(tile + 1) * TILE],
        Operand::Memory(place) => areas.read(place),
    }
}

fn window(place: Place, start: usize, len: usize) -> Place {
    Place { area: place.area, start: place.start + start, len }
}
