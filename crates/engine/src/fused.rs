//! Runs elementwise work, tile by tile.

use crate::areas::Areas;
use crate::kernels::{Element, TILE, add_window, tile_total, vectorised};
use crate::plan::{Fused, Instruction, Kernel, Operand, Place};

/// Runs all instructions on every tile, compiled for the vectors of this machine as one.
pub fn run<T: Element>(fused: &Fused<T>, areas: &mut Areas<'_, T>) {
    for &(tile, value) in &fused.constants {
        areas.write_tile(tile, TILE).0.fill(value);
    }
    for instruction in &fused.instructions {
        assert_disjoint(instruction);
        if let (Kernel::Sum { write, .. }, Operand::Memory(place)) = (&instruction.kernel, instruction.out)
            && !areas.adds(*write)
        {
            areas.write(place).0.fill(T::ZERO);
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

/// That no instruction reads what it writes under another tile: whole values are compared.
fn assert_disjoint<T>(instruction: &Instruction<T>) {
    for operand in &instruction.operands {
        let apart = match (operand, instruction.out) {
            (Operand::Tile(a), Operand::Tile(b)) => *a != b,
            (Operand::Memory(a), Operand::Memory(b)) => {
                a.area != b.area || a.start + a.len <= b.start || b.start + b.len <= a.start
            }
            _ => true,
        };
        assert!(apart || matches!(instruction.kernel, Kernel::Total(_)), "{operand:?} overlaps {:?}", instruction.out);
    }
}

/// Runs one instruction on the elements `start .. start + len`.
#[inline(always)]
fn run_instruction<T: Element>(instruction: &Instruction<T>, start: usize, len: usize, areas: &mut Areas<'_, T>) {
    let operands = &instruction.operands;
    match &instruction.kernel {
        Kernel::Total(slot) => {
            let value = tile_total(areas.read().under_tile(operands[0], start, len));
            areas.totals[*slot] += value;
            return;
        }
        Kernel::Spread { every, .. } if !start.is_multiple_of(*every) => return,
        _ => {}
    }
    let (out, rest) = match (&instruction.kernel, instruction.out) {
        (_, Operand::Tile(tile)) => areas.write_tile(tile, len),
        (Kernel::Sum { .. }, Operand::Memory(place)) => {
            let (out, rest, _) = areas.write(place);
            (out, rest)
        }
        (_, Operand::Memory(place)) => {
            let (out, rest, _) = areas.write(Place { start: place.start + start, len, ..place });
            (out, rest)
        }
    };
    let read = |argument: usize| rest.under_tile(operands[argument], start, len);
    match &instruction.kernel {
        Kernel::Elementwise(kernel) => kernel.apply(read, out),
        Kernel::Pair(kernel) => kernel.apply(read(0), read(1), read(2), out),
        Kernel::Spread { spec, .. } => spec.load(rest.whole(operands[0]), start, out),
        Kernel::Copy => out.copy_from_slice(read(0)),
        Kernel::Sum { spec, .. } => add_window(spec, start, read(0), out),
        Kernel::Total(_) => unreachable!("handled above"),
    }
}
