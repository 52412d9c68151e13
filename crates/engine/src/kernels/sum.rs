use std::ops::Range;

use onedge_graph::Shape;

use super::Element;
use super::dispatch::{TILE, vectorised};
use super::spread::place;

/// A sum over axes: blocks of neighbours, each summed into a part of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The axes outside a block, outermost first: the extent, and the stride in the result (0 if summed).
    outer: Vec<(usize, usize)>,
    block: Block,
}

/// How the elements of a block are summed. Neighbouring axes of one kind are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// So many elements, none of them summed.
    Elements(usize),
    /// So many elements to one.
    Row(usize),
    /// So many rows of so many columns to one row.
    Rows(usize, usize),
    /// So many rows, each of so many groups of so few neighbours that rows are summed first, to one of each group.
    Groups(usize, usize, usize),
}

impl Sum {
    /// The sum of a tensor of `shape` over `axes`.
    pub fn new(shape: &Shape, axes: &[usize]) -> Self {
        let mut runs: Vec<(usize, bool)> = Vec::new();
        for (axis, &extent) in shape.iter().enumerate() {
            let summed = axes.contains(&axis);
            match runs.last_mut() {
                Some((merged, kind)) if *kind == summed => *merged *= extent,
                _ => runs.push((extent, summed)),
            }
        }
        let (block, axes) = match runs[..] {
            [.., (rows, true), (groups, false), (depth, true)] if depth < SHORT && groups * depth <= WIDE => {
                (Block::Groups(rows, groups, depth), 3)
            }
            [.., (rows, true), (columns, false)] => (Block::Rows(rows, columns), 2),
            [.., (extent, true)] => (Block::Row(extent), 1),
            [.., (extent, false)] => (Block::Elements(extent), 1),
            [] => (Block::Elements(1), 0),
        };
        let (mut outer, mut stride) = (Vec::new(), block.results());
        for &(extent, summed) in runs[..runs.len() - axes].iter().rev() {
            outer.insert(0, (extent, if summed { 0 } else { stride }));
            stride *= if summed { 1 } else { extent };
        }
        Self { outer, block }
    }

    /// How many neighbours each result is the sum of, if it is one of neighbours alone.
    pub fn neighbours(&self) -> Option<usize> {
        match (self.block, &self.outer[..]) {
            (Block::Row(len), [] | [(_, 1)]) => Some(len),
            _ => None,
        }
    }

    /// Where the results of a block begin.
    fn place(&self, block: usize) -> usize {
        place(&self.outer, block)
    }

    /// The results that the elements `range` of a tensor of `len` are added to, and perhaps more.
    pub fn reach(&self, len: usize, range: &Range<usize>) -> Range<usize> {
        match self.outer.first() {
            Some(&(extent, stride)) if stride > 0 && !range.is_empty() => {
                let each = len / extent;
                range.start / each * stride..(range.end - 1) / each * stride + stride
            }
            _ => {
                let kept = self.outer.iter().filter(|(_, stride)| *stride > 0);
                0..kept.map(|(extent, _)| extent).product::<usize>() * self.block.results()
            }
        }
    }

    /// Whether blocks have results of their own.
    fn is_independent(&self) -> bool {
        self.outer.iter().all(|&(_, stride)| stride > 0)
    }
}

impl Block {
    fn elements(self) -> usize {
        match self {
            Self::Elements(extent) | Self::Row(extent) => extent,
            Self::Rows(rows, columns) => rows * columns,
            Self::Groups(rows, groups, depth) => rows * groups * depth,
        }
    }

    fn results(self) -> usize {
        match self {
            Self::Row(_) => 1,
            Self::Elements(results) | Self::Rows(_, results) | Self::Groups(_, results, _) => results,
        }
    }
}

/// `out <- sum(x)`, or `out <- out + sum(x)` if `add`.
///
/// Taken tile by tile, as a fused step takes it: the same bits, whichever of the two a plan chooses.
pub fn sum<T: Element>(spec: &Sum, x: &[T], out: &mut [T], add: bool) {
    if !add {
        out.fill(T::ZERO);
    }
    add_tiles(spec, 0, x, 0, out);
}

/// `out <- out + sum(x)` of a window that begins with a tile. `out` has the results from `first` on.
pub fn add_tiles<T: Element>(spec: &Sum, start: usize, x: &[T], first: usize, out: &mut [T]) {
    vectorised(
        #[inline(always)]
        || x.chunks(TILE).enumerate().for_each(|(i, tile)| add_window(spec, start + i * TILE, tile, first, out)),
    );
}

/// `out <- mean((x - mean(x))^2)`; `means`, as long as `out`, is written over.
pub fn variance<T: Element>(spec: &Sum, x: &[T], out: &mut [T], means: &mut [T]) {
    vectorised(
        #[inline(always)]
        || variance_of_blocks(spec, x, out, means),
    );
}

/// `out <- out + x`, or `out <- x` if not `add`.
pub fn accumulate<T: Element>(x: &[T], out: &mut [T], add: bool) {
    if add { vectorised(|| add_to(x, out)) } else { out.copy_from_slice(x) }
}

/// The sum of all elements in f64, over a fixed number of accumulators: four elements are added before that, which in
/// f32 rounds them by less than 2e-7.
pub fn total<T: Element>(x: &[T]) -> f64 {
    vectorised(
        #[inline(always)]
        || tile_total(x),
    )
}

/// The same, for a caller that is compiled for the vectors of this machine.
#[inline(always)]
pub fn tile_total<T: Element>(x: &[T]) -> f64 {
    const ACCUMULATORS: usize = 16;
    let mut sums = [0.0; ACCUMULATORS];
    let blocks = x.chunks_exact(4 * ACCUMULATORS);
    let tail: f64 = blocks.remainder().iter().map(|x| x.to_f64()).sum();
    for block in blocks {
        for i in 0..ACCUMULATORS {
            let [a, b, c, d] = [0, 1, 2, 3].map(|quarter| block[quarter * ACCUMULATORS + i]);
            sums[i] += ((a + b) + (c + d)).to_f64();
        }
    }
    sums.iter().sum::<f64>() + tail
}

/// `out <- out + sum(x)` of a window of a tensor: the elements from `start` on. `out` has the results from `first` on.
#[inline(always)]
pub fn add_window<T: Element>(spec: &Sum, start: usize, x: &[T], first: usize, out: &mut [T]) {
    let (elements, results) = (spec.block.elements().max(1), spec.block.results());
    let (mut block, mut within, mut rest) = (start / elements, start % elements, x);
    while !rest.is_empty() {
        let (window, after) = rest.split_at((elements - within).min(rest.len()));
        let to = spec.place(block) - first;
        add_block(spec.block, within, window, &mut out[to..to + results]);
        (block, within, rest) = (block + 1, 0, after);
    }
}

/// Adds a window of a block.
#[inline(always)]
fn add_block<T: Element>(block: Block, start: usize, x: &[T], out: &mut [T]) {
    match block {
        Block::Elements(_) => add_to(x, &mut out[start..]),
        Block::Row(_) => out[0] += row(x),
        Block::Rows(_, columns) => add_rows(columns, start, x, out),
        Block::Groups(_, groups, depth) => {
            let mut sums = [T::ZERO; WIDE];
            let sums = &mut sums[..groups * depth];
            add_rows(groups * depth, start, x, sums);
            sums.chunks_exact(depth).zip(out).for_each(|(sums, out)| *out += row(sums));
        }
    }
}

/// The mean squared distance from the mean; of independent blocks one by one, each in the cache for both sums.
#[inline(always)]
fn variance_of_blocks<T: Element>(spec: &Sum, x: &[T], out: &mut [T], means: &mut [T]) {
    let scale = T::from_f64(out.len() as f64 / x.len() as f64);
    let (elements, results) = (spec.block.elements(), spec.block.results());
    means.fill(T::ZERO);
    out.fill(T::ZERO);
    if !spec.is_independent() {
        add_window(spec, 0, x, 0, means);
        means.iter_mut().for_each(|mean| *mean *= scale);
    }
    for (i, x) in x.chunks_exact(elements).enumerate() {
        let to = spec.place(i);
        let (means, out) = (&mut means[to..to + results], &mut out[to..to + results]);
        if spec.is_independent() {
            add_block(spec.block, 0, x, means);
            means.iter_mut().for_each(|mean| *mean *= scale);
        }
        add_squares(spec.block, x, means, out);
    }
    out.iter_mut().for_each(|out| *out *= scale);
}

/// `out <- out + sum((x - mean)^2)`
#[inline(always)]
fn add_squares<T: Element>(block: Block, x: &[T], means: &[T], out: &mut [T]) {
    match block {
        Block::Elements(_) => add_squares_to(x, means, out),
        Block::Row(_) => out[0] += row_of(x, |x| square(x - means[0])),
        Block::Rows(_, columns) => x.chunks_exact(columns).for_each(|x| add_squares_to(x, means, out)),
        Block::Groups(_, groups, depth) => {
            let (columns, mut sums, mut wide) = (groups * depth, [T::ZERO; WIDE], [T::ZERO; WIDE]);
            let width = BLOCK.max(columns) / columns * columns;
            let (sums, wide) = (&mut sums[..width], &mut wide[..width]);
            wide.chunks_exact_mut(depth).zip(means.iter().cycle()).for_each(|(wide, mean)| wide.fill(*mean));
            x.chunks(width).for_each(|x| add_squares_to(x, wide, sums));
            let sums = sums.chunks_exact(columns);
            sums.for_each(|sums| sums.chunks_exact(depth).zip(&mut *out).for_each(|(sums, out)| *out += row(sums)));
        }
    }
}

#[inline(always)]
fn add_squares_to<T: Element>(x: &[T], means: &[T], out: &mut [T]) {
    for ((out, x), mean) in out.iter_mut().zip(x).zip(means) {
        *out += square(*x - *mean);
    }
}

#[inline(always)]
fn square<T: Element>(x: T) -> T {
    x * x
}

/// Fewer neighbours than this are summed last.
const SHORT: usize = 16;

/// Columns that are summed before their neighbours, at most.
const WIDE: usize = 1024;

/// Narrow rows are summed together up to this width, which stays in registers.
const BLOCK: usize = 128;

/// `out <- out + the sum of all rows` of a window that starts within the first; of narrow rows as many at once as fill
/// the vectors.
#[inline(always)]
fn add_rows<T: Element>(columns: usize, start: usize, x: &[T], out: &mut [T]) {
    let columns = columns.max(1);
    let within = start % columns;
    let (head, x) = x.split_at(if within == 0 { 0 } else { (columns - within).min(x.len()) });
    add_to(head, &mut out[within..]);
    let width = BLOCK / columns * columns;
    if width <= columns || x.len() < 4 * width {
        return x.chunks(columns).for_each(|x| add_to(x, out));
    }
    let mut sums = [T::ZERO; BLOCK];
    let sums = &mut sums[..width];
    let blocks = x.chunks_exact(width);
    let rest = blocks.remainder();
    blocks.for_each(|x| add_to(x, sums));
    sums.chunks_exact(columns).chain(rest.chunks(columns)).for_each(|x| add_to(x, out));
}

#[inline(always)]
fn add_to<T: Element>(x: &[T], out: &mut [T]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out += *x;
    }
}

/// The sum of one row, over a fixed number of accumulators.
#[inline(always)]
pub fn row<T: Element>(x: &[T]) -> T {
    row_of(x, |x| x)
}

/// The sum of `f` of each element of a row.
#[inline(always)]
fn row_of<T: Element>(x: &[T], f: impl Fn(T) -> T) -> T {
    const ACCUMULATORS: usize = 16;
    let mut sums = [T::ZERO; ACCUMULATORS];
    let blocks = x.chunks_exact(ACCUMULATORS);
    let mut total = T::ZERO;
    for x in blocks.remainder() {
        total += f(*x);
    }
    for block in blocks {
        for i in 0..ACCUMULATORS {
            sums[i] += f(block[i]);
        }
    }
    for sum in sums {
        total += sum;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some tensors, and for every set of their axes the places of all elements in what is left.
    fn cases() -> impl Iterator<Item = (Shape, Vec<usize>, Vec<f64>, Vec<usize>)> {
        let shapes: [&[usize]; 6] =
            [&[3, 70, 8, 2], &[2, 33, 5, 3], &[9, 200], &[2, 50, 16], &[40, 1, 7, 30], &[2, 5000]];
        shapes.map(Shape::new).into_iter().flat_map(|shape| {
            (0..1 << shape.rank()).map(move |bits| {
                let axes: Vec<usize> = (0..shape.rank()).filter(|axis| bits >> axis & 1 == 1).collect();
                let kept = shape.without(&axes);
                let place = |i: usize| {
                    let index = |axis: usize| i / shape.strides()[axis] % shape[axis];
                    let left = (0..shape.rank()).filter(|axis| !axes.contains(axis)).map(index);
                    left.zip(kept.strides()).map(|(i, stride)| i * stride).sum()
                };
                let places = (0..shape.size()).map(place).collect();
                let x = (0..shape.size()).map(|i| (i * 37 % 101) as f64 - 50.0).collect();
                (shape.clone(), axes, x, places)
            })
        })
    }

    #[test]
    fn sums_over_any_axes() {
        for (shape, axes, x, places) in cases() {
            let mut expected = vec![1.0; shape.without(&axes).size()];
            x.iter().zip(&places).for_each(|(x, &place)| expected[place] += x);
            let mut out = vec![1.0; expected.len()];
            sum(&Sum::new(&shape, &axes), &x, &mut out, true);
            assert_eq!(out, expected, "{shape:?} over {axes:?}");
        }
    }

    #[test]
    fn takes_variances_over_any_axes() {
        for (shape, axes, x, places) in cases() {
            let mut means = vec![0.0; shape.without(&axes).size()];
            let scale = means.len() as f64 / x.len() as f64;
            x.iter().zip(&places).for_each(|(x, &place)| means[place] += x * scale);
            let mut expected = vec![0.0; means.len()];
            x.iter().zip(&places).for_each(|(x, &place)| expected[place] += (x - means[place]).powi(2) * scale);
            let (mut out, mut own) = (vec![7.0; means.len()], vec![7.0; means.len()]);
            variance(&Sum::new(&shape, &axes), &x, &mut out, &mut own);
            for (out, expected) in out.iter().zip(&expected) {
                assert!((out - expected).abs() <= 1e-12 * (1.0 + expected), "{shape:?} over {axes:?}");
            }
        }
    }
}
