use crate::kernels::TILE;
use crate::plan::{Area, Operand, Place, Write};

/// The memory that the steps of one chunk read and write.
pub struct Areas<'a, T> {
    /// The parameters.
    pub parameters: &'a [T],
    /// The direction, if the stage has one.
    pub direction: &'a [T],
    /// The chunk's part of each field.
    pub fields: Vec<&'a [T]>,
    /// Scratch memory of the worker.
    pub arena: &'a mut [T],
    /// What is kept of the chunk.
    pub kept: &'a mut [T],
    /// The lane's sum.
    pub output: &'a mut [T],
    /// The lane's totals.
    pub totals: &'a mut [f64],
    /// Tiles.
    pub tiles: &'a mut [T],
    /// What kernels use within one step.
    pub scratch: &'a mut [T],
    /// Whether this is the first chunk of its lane.
    pub first: bool,
}

/// All memory but the elements that a step writes: split from them, so that nothing is borrowed twice.
pub struct Rest<'a, T> {
    parameters: &'a [T],
    direction: &'a [T],
    fields: &'a [&'a [T]],
    arena: Part<'a, T>,
    kept: Part<'a, T>,
    output: Part<'a, T>,
    tiles: Part<'a, T>,
}

/// An area without the elements that a step writes.
#[derive(Clone, Copy)]
pub struct Part<'a, T> {
    before: &'a [T],
    after: &'a [T],
    /// Where `after` begins in the area.
    end: usize,
}

impl<T> Areas<'_, T> {
    /// Whether a step adds to what is there.
    pub fn adds(&self, write: Write) -> bool {
        match write {
            Write::Replace => false,
            Write::Add => true,
            Write::Collect => !self.first,
        }
    }

    /// The elements of `place` to be written, what else there is to be read, and memory for the kernel itself.
    ///
    /// # Panics
    /// If the place is in no area that is written.
    #[inline(always)]
    pub fn write(&mut self, place: Place) -> (&mut [T], Rest<'_, T>, &mut [T]) {
        let whole = Part::whole;
        let (out, arena, kept, output) = match place.area {
            Area::Arena => {
                let (out, arena) = Part::around(self.arena, place.start, place.len);
                (out, arena, whole(self.kept), whole(self.output))
            }
            Area::Kept => {
                let (out, kept) = Part::around(self.kept, place.start, place.len);
                (out, whole(self.arena), kept, whole(self.output))
            }
            Area::Output => {
                let (out, output) = Part::around(self.output, place.start, place.len);
                (out, whole(self.arena), whole(self.kept), output)
            }
            Area::Parameters | Area::Direction | Area::Field(_) => panic!("{place:?} is only read"),
        };
        let (parameters, direction, fields) = (self.parameters, self.direction, &self.fields[..]);
        let rest = Rest { parameters, direction, fields, arena, kept, output, tiles: whole(self.tiles) };
        (out, rest, self.scratch)
    }

    /// The first `len` elements of a tile to be written, and what else there is to be read.
    #[inline(always)]
    pub fn write_tile(&mut self, tile: usize, len: usize) -> (&mut [T], Rest<'_, T>) {
        let (out, tiles) = Part::around(self.tiles, tile * TILE, len);
        let (parameters, direction, fields) = (self.parameters, self.direction, &self.fields[..]);
        let [arena, kept, output] = [&*self.arena, self.kept, self.output].map(Part::whole);
        (out, Rest { parameters, direction, fields, arena, kept, output, tiles })
    }

    /// All memory, to be read.
    #[inline(always)]
    pub fn read(&self) -> Rest<'_, T> {
        let (parameters, direction, fields) = (self.parameters, self.direction, &self.fields[..]);
        let [arena, kept, output, tiles] = [&*self.arena, self.kept, self.output, self.tiles].map(Part::whole);
        Rest { parameters, direction, fields, arena, kept, output, tiles }
    }
}

impl<'a, T> Rest<'a, T> {
    /// The values of `place`.
    ///
    /// # Panics
    /// Here and below: if any of them is written by the step.
    #[inline(always)]
    pub fn place(&self, Place { area, start, len }: Place) -> &'a [T] {
        match area {
            Area::Parameters => &self.parameters[start..start + len],
            Area::Direction => &self.direction[start..start + len],
            Area::Field(field) => &self.fields[field][start..start + len],
            Area::Arena => self.arena.get(start, len),
            Area::Kept => self.kept.get(start, len),
            Area::Output => self.output.get(start, len),
        }
    }

    /// The part of an operand under a tile: its elements `start .. start + len`.
    #[inline(always)]
    pub fn under_tile(&self, operand: Operand, start: usize, len: usize) -> &'a [T] {
        match operand {
            Operand::Tile(tile) => self.tiles.get(tile * TILE, len),
            Operand::Memory(place) => self.place(Place { start: place.start + start, len, ..place }),
        }
    }

    /// All of an operand.
    #[inline(always)]
    pub fn whole(&self, operand: Operand) -> &'a [T] {
        match operand {
            Operand::Tile(tile) => self.tiles.get(tile * TILE, TILE),
            Operand::Memory(place) => self.place(place),
        }
    }
}

impl<'a, T> Part<'a, T> {
    /// All of an area.
    #[inline(always)]
    pub fn whole(area: &'a [T]) -> Self {
        Self { before: area, after: &[], end: area.len() }
    }

    /// So many elements from `start` on to be written, and the rest.
    #[inline(always)]
    pub fn around(area: &'a mut [T], start: usize, len: usize) -> (&'a mut [T], Self) {
        let (before, rest) = area.split_at_mut(start);
        let (out, after) = rest.split_at_mut(len);
        (out, Self { before, after, end: start + len })
    }

    /// So many elements from `start` on.
    ///
    /// # Panics
    /// If any of them is written.
    #[inline(always)]
    pub fn get(&self, start: usize, len: usize) -> &'a [T] {
        if start + len <= self.before.len() {
            return &self.before[start..start + len];
        }
        let start = start.checked_sub(self.end).expect("a step reads nothing of what it writes");
        &self.after[start..start + len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory whose elements count on from area to area, and what `check` sees of it while elements 3 and 4 of the arena are written.
    fn around(check: impl Fn(&Rest<'_, f64>)) {
        let count = |from: usize, len: usize| (from..from + len).map(|i| i as f64).collect::<Vec<f64>>();
        let (mut arena, mut kept, mut output, mut tiles) =
            (count(0, 8), count(10, 4), count(20, 4), count(0, 2 * TILE));
        let (parameters, field) = (count(30, 2), count(40, 2));
        let mut areas = Areas {
            parameters: &parameters,
            direction: &[],
            fields: vec![&field],
            arena: &mut arena,
            kept: &mut kept,
            output: &mut output,
            totals: &mut [],
            tiles: &mut tiles,
            scratch: &mut [],
            first: true,
        };
        let (out, rest, _) = areas.write(Place { area: Area::Arena, start: 3, len: 2 });
        out.fill(-1.0);
        check(&rest);
        assert_eq!(arena, [0.0, 1.0, 2.0, -1.0, -1.0, 5.0, 6.0, 7.0]);
    }

    #[test]
    fn all_but_what_is_written_is_read() {
        around(|rest| {
            let at = |area, start, len| rest.place(Place { area, start, len }).to_vec();
            assert_eq!(at(Area::Arena, 0, 3), [0.0, 1.0, 2.0]);
            assert_eq!(at(Area::Arena, 5, 3), [5.0, 6.0, 7.0]);
            assert_eq!(at(Area::Kept, 3, 1), [13.0]);
            assert_eq!(at(Area::Output, 0, 2), [20.0, 21.0]);
            assert_eq!([at(Area::Parameters, 1, 1), at(Area::Field(0), 0, 1)].concat(), [31.0, 40.0]);
            let tile = rest.under_tile(Operand::Tile(1), 7 * TILE, 2);
            assert_eq!((tile, rest.whole(Operand::Tile(0)).len()), (&[TILE as f64, TILE as f64 + 1.0][..], TILE));
            let memory = Operand::Memory(Place { area: Area::Arena, start: 4, len: 4 });
            assert_eq!(rest.under_tile(memory, 2, 2), [6.0, 7.0]);
        });
    }

    #[test]
    #[should_panic(expected = "reads nothing of what it writes")]
    fn what_is_written_is_not_read() {
        around(|rest| {
            rest.place(Place { area: Area::Arena, start: 2, len: 2 });
        });
    }
}
