//! Elementwise work in pieces that run at once: each has tiles of its own, its part of what is written, and sums of its own, which are added in order.

use std::ops::Range;

use crate::areas::{Areas, Part};
use crate::fused::{Memory, Read, assert_disjoint, run_tiles};
use crate::kernels::{Element, TILE, accumulate, bounds};
use crate::lanes::Team;
use crate::plan::{Area, Fused, Instruction, Kernel, Operand, Place};

/// Elements times instructions that are worth a thread: about 0.1 ms.
const WORK: f64 = 1e6;

/// Runs all instructions on every tile.
pub fn run<T: Element>(fused: &Fused<T>, areas: &mut Areas<'_, T>, team: &Team<'_, T>) {
    let ranges = bounds(fused.len, TILE, (fused.len * fused.instructions.len()) as f64, WORK);
    let sums = |i: &Instruction<T>| matches!(i.kernel, Kernel::Sum { .. } | Kernel::Total(_));
    if ranges.len() < 2 || (team.threads() == 1 && !fused.instructions.iter().any(sums)) {
        return crate::fused::run(fused, areas);
    }
    let (mut written, mut sums, mut totals) = (Vec::new(), Vec::new(), Vec::new());
    for instruction in &fused.instructions {
        assert_disjoint(instruction);
        match (&instruction.kernel, instruction.out) {
            (Kernel::Total(slot), _) => totals.push((*slot, 0.0)),
            (Kernel::Sum { spec, write }, Operand::Memory(place)) => sums.push((place, spec, *write)),
            (_, Operand::Memory(place)) => written.push(place),
            (_, Operand::Tile(_)) => {}
        }
    }
    let reach = |range: &Range<usize>| sums.iter().map(|(_, spec, _)| spec.reach(fused.len, range)).collect::<Vec<_>>();
    let reaches: Vec<Vec<Range<usize>>> = ranges.iter().map(reach).collect();
    team.with_memory(reaches.iter().flatten().map(Range::len).sum(), |memory| {
        let (shared, mut parts) = carve(areas, &written, &ranges);
        let mut rest = &mut *memory;
        let mut pieces = Vec::with_capacity(ranges.len());
        for (range, reach) in ranges.iter().zip(&reaches) {
            let mut own_sums = Vec::with_capacity(sums.len());
            for ((place, ..), reach) in sums.iter().zip(reach) {
                let (part, after) = std::mem::take(&mut rest).split_at_mut(reach.len());
                own_sums.push((*place, reach.start, part));
                rest = after;
            }
            let own = parts.iter_mut().filter_map(|(place, parts)| Some((*place, parts.next()?))).collect();
            pieces.push(Piece { range: range.clone(), own, sums: own_sums, totals: totals.clone() });
        }
        team.for_each(&mut pieces, |piece, scratch| {
            piece.sums.iter_mut().for_each(|(_, _, sums)| sums.fill(T::ZERO));
            let tiles = &mut scratch.tiles;
            tiles.resize(tiles.len().max(registers(fused) * TILE), T::ZERO);
            run_tiles(fused, piece.range.clone(), &mut PieceMemory { piece, shared: &shared, tiles });
        });
        for piece in &pieces {
            totals.iter_mut().zip(&piece.totals).for_each(|(total, part)| total.1 += part.1);
        }
        drop(pieces);
        for (slot, total) in totals {
            areas.totals[slot] += total;
        }
        for (place, _, write) in &sums {
            if !areas.adds(*write) {
                areas.write(*place).0.fill(T::ZERO);
            }
        }
        let mut rest = &*memory;
        for reach in &reaches {
            for ((place, ..), reach) in sums.iter().zip(reach) {
                let (part, after) = rest.split_at(reach.len());
                accumulate(part, &mut areas.write(*place).0[reach.clone()], true);
                rest = after;
            }
        }
    });
}

/// Tiles that the instructions use.
fn registers<T>(fused: &Fused<T>) -> usize {
    let operands = fused.instructions.iter().flat_map(|i| i.operands.iter().chain([&i.out]));
    let tiles = operands.filter_map(|operand| match operand {
        Operand::Tile(tile) => Some(*tile),
        Operand::Memory(_) => None,
    });
    tiles.chain(fused.constants.iter().map(|(tile, _)| *tile)).max().map_or(0, |tile| tile + 1)
}

/// Some of the tiles, and what is written under them.
struct Piece<'a, T> {
    range: Range<usize>,
    /// The part of each value that the step writes.
    own: Vec<(Place, &'a mut [T])>,
    /// Results of each sum, from some place on.
    sums: Vec<(Place, usize, &'a mut [T])>,
    totals: Vec<(usize, f64)>,
}

/// What no piece writes.
struct Shared<'a, T> {
    parameters: &'a [T],
    direction: &'a [T],
    fields: &'a [&'a [T]],
    /// What lies between the values that are written, from which element of which area on.
    gaps: Vec<(Area, usize, &'a [T])>,
}

/// The parts of a value, piece by piece.
type Parts<'a, T> = std::vec::IntoIter<&'a mut [T]>;

/// Memory in what is only read, and the parts of the values `written`, as long as `ranges`.
fn carve<'a, T>(
    areas: &'a mut Areas<'_, T>,
    written: &[Place],
    ranges: &[Range<usize>],
) -> (Shared<'a, T>, Vec<(Place, Parts<'a, T>)>) {
    let (mut gaps, mut parts) = (Vec::new(), Vec::new());
    let memories = [(Area::Arena, &mut *areas.arena), (Area::Kept, areas.kept), (Area::Output, areas.output)];
    for (area, mut rest) in memories {
        let mut places: Vec<Place> = written.iter().copied().filter(|place| place.area == area).collect();
        places.sort_unstable_by_key(|place| place.start);
        let mut done = 0;
        for place in places {
            let (gap, after) = rest.split_at_mut(place.start - done);
            gaps.push((area, done, &*gap));
            let (value, after) = after.split_at_mut(place.len);
            parts.push((place, cut(value, ranges.iter().map(Range::len)).into_iter()));
            (rest, done) = (after, place.start + place.len);
        }
        gaps.push((area, done, rest));
    }
    let shared = Shared { parameters: areas.parameters, direction: areas.direction, fields: &areas.fields, gaps };
    (shared, parts)
}

/// A value in parts of these lengths.
pub fn cut<T>(mut value: &mut [T], lens: impl Iterator<Item = usize>) -> Vec<&mut [T]> {
    let next = |len: usize| {
        let (part, rest) = std::mem::take(&mut value).split_at_mut(len);
        value = rest;
        part
    };
    lens.map(next).collect()
}

/// The memory of a piece that runs.
struct PieceMemory<'a, 'p, T> {
    piece: &'a mut Piece<'p, T>,
    shared: &'a Shared<'a, T>,
    tiles: &'a mut [T],
}

/// All of it but what an instruction writes.
struct PieceRest<'a, 'p, T> {
    start: usize,
    own: [&'a [(Place, &'p mut [T])]; 2],
    shared: &'a Shared<'a, T>,
    tiles: Part<'a, T>,
}

impl<'p, T> Memory<T> for PieceMemory<'_, 'p, T> {
    type Rest<'a>
        = PieceRest<'a, 'p, T>
    where
        Self: 'a;

    #[inline(always)]
    fn tile(&mut self, tile: usize, len: usize) -> (&mut [T], PieceRest<'_, 'p, T>) {
        let (out, tiles) = Part::around(self.tiles, tile * TILE, len);
        let own = [&self.piece.own[..], &[]];
        (out, PieceRest { start: self.piece.range.start, own, shared: self.shared, tiles })
    }

    #[inline(always)]
    fn part(&mut self, place: Place, start: usize, len: usize) -> (&mut [T], PieceRest<'_, 'p, T>) {
        let first = self.piece.range.start;
        let at = self.piece.own.iter().position(|(own, _)| *own == place).expect("a value that the step writes");
        let (before, rest) = self.piece.own.split_at_mut(at);
        let ((_, out), after) = rest.split_first_mut().expect("found above");
        let rest =
            PieceRest { start: first, own: [before, after], shared: self.shared, tiles: Part::whole(self.tiles) };
        (&mut out[start - first..start - first + len], rest)
    }

    #[inline(always)]
    fn sums(&mut self, place: Place) -> (usize, &mut [T], PieceRest<'_, 'p, T>) {
        let Piece { range, own, sums, .. } = &mut *self.piece;
        let sums = sums.iter_mut().find(|(own, ..)| *own == place).expect("a sum that the step takes");
        let tiles = Part::whole(self.tiles);
        (sums.1, sums.2, PieceRest { start: range.start, own: [own, &[]], shared: self.shared, tiles })
    }

    #[inline(always)]
    fn read(&self) -> PieceRest<'_, 'p, T> {
        let (own, tiles) = ([&self.piece.own[..], &[]], Part::whole(self.tiles));
        PieceRest { start: self.piece.range.start, own, shared: self.shared, tiles }
    }

    #[inline(always)]
    fn add_to_total(&mut self, slot: usize, value: f64) {
        let total = self.piece.totals.iter_mut().find(|(own, _)| *own == slot).expect("a total that the step adds to");
        total.1 += value;
    }
}

impl<'a, T> Read<'a, T> for PieceRest<'a, '_, T> {
    #[inline(always)]
    fn under_tile(&self, operand: Operand, start: usize, len: usize) -> &'a [T] {
        match operand {
            Operand::Tile(tile) => self.tiles.get(tile * TILE, len),
            Operand::Memory(place) => match self.own.into_iter().flatten().find(|(own, _)| *own == place) {
                Some((_, part)) => &part[start - self.start..start - self.start + len],
                None => self.shared.place(Place { start: place.start + start, len, ..place }),
            },
        }
    }

    #[inline(always)]
    fn whole(&self, operand: Operand) -> &'a [T] {
        match operand {
            Operand::Tile(tile) => self.tiles.get(tile * TILE, TILE),
            Operand::Memory(place) => self.shared.place(place),
        }
    }
}

impl<'a, T> Shared<'a, T> {
    /// The values of `place`.
    ///
    /// # Panics
    /// If any of them is written by the step.
    #[inline(always)]
    fn place(&self, Place { area, start, len }: Place) -> &'a [T] {
        match area {
            Area::Parameters => &self.parameters[start..start + len],
            Area::Direction => &self.direction[start..start + len],
            Area::Field(field) => &self.fields[field][start..start + len],
            Area::Arena | Area::Kept | Area::Output => {
                let holds = |(of, from, gap): &&(Area, usize, &'a [T])| {
                    *of == area && *from <= start && start + len <= from + gap.len()
                };
                let (_, from, gap) = self.gaps.iter().find(holds).expect("a step reads nothing of what it writes");
                &gap[start - from..start - from + len]
            }
        }
    }
}
