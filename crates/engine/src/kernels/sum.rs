use onedge_graph::Shape;

use super::{Element, vectorised};

/// The order of a sum over axes, with neighbouring axes of one kind merged: `(extent, is summed)`, outermost first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    runs: Vec<(usize, bool)>,
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
        Self { runs }
    }
}

/// `out <- sum(x)`, or `out <- out + sum(x)` if `add`.
pub fn sum<T: Element>(spec: &Sum, x: &[T], out: &mut [T], add: bool) {
    if !add {
        out.fill(T::ZERO);
    }
    vectorised(
        #[inline(always)]
        || reduce(&spec.runs, x, out),
    );
}

/// `out <- out + x`, or `out <- x` if not `add`.
pub fn accumulate<T: Element>(x: &[T], out: &mut [T], add: bool) {
    if add { vectorised(|| add_to(x, out)) } else { out.copy_from_slice(x) }
}

/// The sum of all elements in f64, over a fixed number of accumulators.
pub fn total<T: Element>(x: &[T]) -> f64 {
    const ACCUMULATORS: usize = 16;
    vectorised(
        #[inline(always)]
        || {
            let mut sums = [0.0; ACCUMULATORS];
            let blocks = x.chunks_exact(ACCUMULATORS);
            let tail: f64 = blocks.remainder().iter().map(|x| x.to_f64()).sum();
            for block in blocks {
                for i in 0..ACCUMULATORS {
                    sums[i] += block[i].to_f64();
                }
            }
            sums.iter().sum::<f64>() + tail
        },
    )
}

fn reduce<T: Element>(runs: &[(usize, bool)], x: &[T], out: &mut [T]) {
    match *runs {
        [] | [(_, false)] => add_to(x, out),
        [(_, true)] => out[0] += row(x),
        [(_, true), (columns, false)] => add_rows(columns, x, out),
        // Rows first: sums over few neighbours are slow.
        [(_, true), (groups, false), (depth, true)] if depth < SHORT && groups * depth <= WIDE => {
            let mut sums = [T::ZERO; WIDE];
            let sums = &mut sums[..groups * depth];
            add_rows(groups * depth, x, sums);
            reduce(&runs[1..], sums, out);
        }
        [(extent, summed), ref inner @ ..] => {
            let part = x.len().checked_div(extent).unwrap_or(0);
            let kept = if summed { out.len() } else { out.len() / extent.max(1) };
            for i in 0..extent {
                let to = if summed { 0 } else { i * kept };
                reduce(inner, &x[i * part..(i + 1) * part], &mut out[to..to + kept]);
            }
        }
    }
}

/// Fewer neighbours than this are summed last.
const SHORT: usize = 16;

/// Columns that are summed in one block, at most.
const WIDE: usize = 1024;

/// `out <- out + the sum of all rows`; of narrow rows as many at once as fill the vectors.
#[inline(always)]
fn add_rows<T: Element>(columns: usize, x: &[T], out: &mut [T]) {
    const BLOCK: usize = 128;
    let width = BLOCK / columns.max(1) * columns;
    if width <= columns || x.len() < 4 * width {
        return x.chunks_exact(columns.max(1)).for_each(|x| add_to(x, out));
    }
    let mut sums = [T::ZERO; BLOCK];
    let sums = &mut sums[..width];
    let blocks = x.chunks_exact(width);
    let rest = blocks.remainder();
    blocks.for_each(|x| add_to(x, sums));
    sums.chunks_exact(columns).chain(rest.chunks_exact(columns)).for_each(|x| add_to(x, out));
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
    const ACCUMULATORS: usize = 16;
    let mut sums = [T::ZERO; ACCUMULATORS];
    let blocks = x.chunks_exact(ACCUMULATORS);
    let mut total = T::ZERO;
    for x in blocks.remainder() {
        total += *x;
    }
    for block in blocks {
        for i in 0..ACCUMULATORS {
            sums[i] += block[i];
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

    #[test]
    fn sums_over_any_axes() {
        let shapes: [&[usize]; 5] = [&[3, 70, 8, 2], &[2, 33, 5, 3], &[9, 200], &[2, 50, 16], &[40, 1, 7, 30]];
        for shape in shapes.map(Shape::new) {
            let x: Vec<f64> = (0..shape.size()).map(|i| (i * 37 % 101) as f64 - 50.0).collect();
            for bits in 0..1 << shape.rank() {
                let axes: Vec<usize> = (0..4).filter(|axis| bits >> axis & 1 == 1).collect();
                let kept = shape.without(&axes);
                let mut expected = vec![1.0; kept.size()];
                for (i, x) in x.iter().enumerate() {
                    let index = |axis: usize| i / shape.strides()[axis] % shape[axis];
                    let places = (0..shape.rank()).filter(|axis| !axes.contains(axis)).map(index);
                    expected[places.zip(kept.strides()).map(|(i, stride)| i * stride).sum::<usize>()] += x;
                }
                let mut out = vec![1.0; kept.size()];
                sum(&Sum::new(&shape, &axes), &x, &mut out, true);
                assert_eq!(out, expected, "{shape:?} over {axes:?}");
            }
        }
    }
}
