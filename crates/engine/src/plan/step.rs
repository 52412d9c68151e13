use std::sync::Arc;

use crate::kernels::{Elementwise, Pair, Product, Spread, Sum, Whole};

/// The steps of one stage for one chunk.
#[derive(Debug, Clone)]
pub struct Plan<T> {
    /// In the order in which they run.
    pub steps: Vec<Step<T>>,
    /// Elements of scratch memory that they use.
    pub arena_len: usize,
    /// Tiles that a fused step holds at once, at most.
    pub registers: usize,
    /// Elements that the kernel of a step needs for itself, at most.
    pub scratch_len: usize,
    /// The number of totals that it adds to.
    pub totals: usize,
}

/// Where a value lives: an area and the place of its first element there. Every value is contiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The area.
    pub area: Area,
    /// The first element.
    pub start: usize,
    /// The number of elements.
    pub len: usize,
}

impl Place {
    /// Whether any element is of both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.area == other.area && self.start < other.start + other.len && other.start < self.start + self.len
    }
}

/// The areas of memory that a chunk's steps see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Area {
    /// The flat vector of parameters.
    Parameters,
    /// The flat vector along which curvature is taken.
    Direction,
    /// A field of the data, from the chunk's first example on.
    Field(usize),
    /// Scratch memory of the worker.
    Arena,
    /// What is kept of a chunk from one stage to the next.
    Kept,
    /// The lane's sum of a vector as long as the parameters.
    Output,
}

/// One unit of work.
#[derive(Debug, Clone)]
pub enum Step<T> {
    /// Elementwise work, tile by tile.
    Fused(Fused<T>),
    /// A product.
    Product {
        /// The kernel with its sizes.
        kernel: Arc<dyn Product<T>>,
        /// Operands.
        operands: [Place; 2],
        /// Result.
        out: Place,
        /// What happens to what is there.
        write: Write,
    },
    /// A sum over axes.
    Sum {
        /// Axes.
        spec: Sum,
        /// Operand.
        x: Place,
        /// Result.
        out: Place,
        /// What happens to what is there.
        write: Write,
    },
    /// Adds a value to an output.
    Accumulate {
        /// Operand.
        x: Place,
        /// Result.
        out: Place,
    },
    /// Adds the sum of all elements to a total.
    Total {
        /// Operand.
        x: Place,
        /// The place of the total.
        slot: usize,
    },
    /// A reduction or movement of another kind.
    Whole {
        /// The op's name.
        op: &'static str,
        /// The kernel with its sizes.
        kernel: Whole<T>,
        /// Operands.
        operands: Vec<Place>,
        /// Result.
        out: Place,
    },
}

impl<T> Step<T> {
    /// The values that it writes or adds to.
    pub fn writes(&self) -> Vec<Place> {
        match self {
            Self::Fused(fused) => fused.instructions.iter().filter_map(|i| i.out.place()).collect(),
            Self::Product { out, .. }
            | Self::Sum { out, .. }
            | Self::Accumulate { out, .. }
            | Self::Whole { out, .. } => {
                vec![*out]
            }
            Self::Total { .. } => Vec::new(),
        }
    }
}

/// What a step does to the values that its result is written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Replaces them.
    Replace,
    /// Adds to them.
    Add,
    /// Replaces them in the first chunk of a lane and adds in all others: so sums over a lane are taken.
    Collect,
}

/// A run of elementwise instructions over values of one size.
#[derive(Debug, Clone)]
pub struct Fused<T> {
    /// The number of elements of each value.
    pub len: usize,
    /// Tiles that hold one number each, filled before the first tile.
    pub constants: Vec<(usize, T)>,
    /// In the order in which they run on each tile.
    pub instructions: Vec<Instruction<T>>,
}

/// One elementwise operation on one tile.
#[derive(Debug, Clone)]
pub struct Instruction<T> {
    /// The operation.
    pub kernel: Kernel<T>,
    /// What it reads.
    pub operands: Vec<Operand>,
    /// What it writes.
    pub out: Operand,
}

/// The operation of an [`Instruction`].
#[derive(Debug, Clone)]
pub enum Kernel<T> {
    /// That of an elementwise op.
    Elementwise(Elementwise<T>),
    /// Two functions of two numbers, one of the other.
    Pair(Pair),
    /// Elements of a smaller tensor.
    Spread {
        /// Where they are found.
        spec: Spread,
        /// The tile is left as it is, unless it begins at a multiple of so many elements.
        every: usize,
        /// The first element of the larger tensor that the step has.
        from: usize,
    },
    /// The same elements.
    Copy,
    /// Adds the sum of the tile to a total; writes nothing.
    Total(usize),
    /// Adds the sums of the tile over axes to the result.
    Sum {
        /// Axes.
        spec: Sum,
        /// What happens, before the first tile, to what is there.
        write: Write,
    },
}

/// A tile, or the matching part of a value in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// The tile of this number.
    Tile(usize),
    /// The part of this value under the tile; all of it if it is what [`Kernel::Spread`] reads or
    /// [`Kernel::Sum`] adds to.
    Memory(Place),
}

impl Operand {
    /// Where it lies, unless that is a tile.
    fn place(&self) -> Option<Place> {
        match self {
            Self::Tile(_) => None,
            Self::Memory(place) => Some(*place),
        }
    }
}
