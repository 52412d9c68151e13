//! Runs elementwise work, tile by tile.

use std::ops::Range;

use crate::areas::{Areas, Rest};
use crate::kernels::{Element, TILE, add_window, tile_total, vectorised};
use crate::plan::{Fused, Instruction, Kernel, Operand, Place};

/// What a fused step reads and writes, or a piece of one.
pub trait Memory<T> {
    /// All but what an instruction writes.
    type Rest<'a>: Read<'a, T>
    where
        Self: 'a;

    /// The first `len` elements of a tile to be written, and what else there is to be read.
    fn tile(&mut self, tile: usize, len: usize) -> (&mut [T], Self::Rest<'_>);

    /// The same for the elements `start .. start + len` of a value.
    fn part(&mut self, place: Place, start: usize, len: usize) -> (&mut [T], Self::Rest<'_>);

    /// Results of a sum, the place of the first of them among all, and what else there is to be read.
    fn sums(&mut self, place: Place) -> (usize, &mut [T], Self::Rest<'_>);

    /// All memory, to be read.
    fn read(&self) -> Self::Rest<'_>;

    /// Adds to a total.
    fn add_to_total(&mut self, slot: usize, value: f64);
}

/// Memory to be read.
pub trait Read<'a, T> {
    /// The part of an operand under a tile: its elements `start .. start + len`.
    fn under_tile(&self, operand: Operand, start: usize, len: usize) -> &'a [T];

    /// All of an operand.
    fn whole(&self, operand: Operand) -> &'a [T];
}

/// Runs all instructions on every tile.
pub fn run<T: Element>(fused: &Fused<T>, areas: &mut Areas<'_, T>) {
    for instruction in &fused.instructions {
        assert_disjoint(instruction);
        if let (Kernel::Sum { write, .. }, Operand::Memory(place)) = (&instruction.kernel, instruction.out)
            && !areas.adds(*write)
        {
            areas.write(place).0.fill(T::ZERO);
        }
    }
    run_tiles(fused, 0..fused.len, areas);
}

/// Runs all instructions on the tiles of the elements `range`, compiled for the vectors of this machine as one.
pub fn run_tiles<T: Element>(fused: &Fused<T>, range: Range<usize>, memory: &mut impl Memory<T>) {
    for &(tile, value) in &fused.constants {
        memory.tile(tile, TILE).0.fill(value);
    }
    vectorised(
        #[inline(always)]
        || {
            for start in range.clone().step_by(TILE) {
                let len = TILE.min(range.end - start);
                for instruction in &fused.instructions {
                    run_instruction(instruction, start, len, start == range.start, memory);
                }
            }
        },
    );
}

/// That no instruction reads what it writes under another tile: whole values are compared.
pub fn assert_disjoint<T>(instruction: &Instruction<T>) {
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

/// Runs one instruction on the elements `start .. start + len`; `first` if no tile was there before.
#[inline(always)]
fn run_instruction<T: Element>(
    instruction: &Instruction<T>,
    start: usize,
    len: usize,
    first: bool,
    memory: &mut impl Memory<T>,
) {
    let operands = &instruction.operands;
    match (&instruction.kernel, instruction.out) {
        (Kernel::Total(slot), _) => {
            let value = tile_total(memory.read().under_tile(operands[0], start, len));
            memory.add_to_total(*slot, value);
        }
        (Kernel::Sum { spec, .. }, Operand::Memory(place)) => {
            let (base, out, rest) = memory.sums(place);
            add_window(spec, start, rest.under_tile(operands[0], start, len), base, out);
        }
        (Kernel::Spread { every, from, .. }, _) if !first && !(from + start).is_multiple_of(*every) => {}
        (kernel, Operand::Tile(tile)) => {
            let (out, rest) = memory.tile(tile, len);
            apply(kernel, operands, start, out, &rest);
        }
        (kernel, Operand::Memory(place)) => {
            let (out, rest) = memory.part(place, start, len);
            apply(kernel, operands, start, out, &rest);
        }
    }
}

/// Writes `out`, the elements from `start` on.
#[inline(always)]
fn apply<'a, T: Element>(
    kernel: &Kernel<T>,
    operands: &[Operand],
    start: usize,
    out: &mut [T],
    rest: &impl Read<'a, T>,
) {
    let len = out.len();
    let read = |argument: usize| rest.under_tile(operands[argument], start, len);
    match kernel {
        Kernel::Elementwise(kernel) => kernel.apply(read, out),
        Kernel::Pair(kernel) => kernel.apply(read(0), read(1), read(2), out),
        Kernel::Spread { spec, from, .. } => spec.load(rest.whole(operands[0]), from + start, out),
        Kernel::Copy => out.copy_from_slice(read(0)),
        Kernel::Total(_) | Kernel::Sum { .. } => unreachable!("handled above"),
    }
}

impl<T> Memory<T> for Areas<'_, T> {
    type Rest<'a>
        = Rest<'a, T>
    where
        Self: 'a;

    #[inline(always)]
    fn tile(&mut self, tile: usize, len: usize) -> (&mut [T], Rest<'_, T>) {
        self.write_tile(tile, len)
    }

    #[inline(always)]
    fn part(&mut self, place: Place, start: usize, len: usize) -> (&mut [T], Rest<'_, T>) {
        let (out, rest, _) = self.write(Place { start: place.start + start, len, ..place });
        (out, rest)
    }

    #[inline(always)]
    fn sums(&mut self, place: Place) -> (usize, &mut [T], Rest<'_, T>) {
        let (out, rest, _) = self.write(place);
        (0, out, rest)
    }

    #[inline(always)]
    fn read(&self) -> Rest<'_, T> {
        Areas::read(self)
    }

    #[inline(always)]
    fn add_to_total(&mut self, slot: usize, value: f64) {
        self.totals[slot] += value;
    }
}

impl<'a, T> Read<'a, T> for Rest<'a, T> {
    #[inline(always)]
    fn under_tile(&self, operand: Operand, start: usize, len: usize) -> &'a [T] {
        Rest::under_tile(self, operand, start, len)
    }

    #[inline(always)]
    fn whole(&self, operand: Operand) -> &'a [T] {
        Rest::whole(self, operand)
    }
}
