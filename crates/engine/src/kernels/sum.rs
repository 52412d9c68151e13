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
    match runs {
        [] | [(_, false)] => add_to(x, out),
        [(_, true)] => out[0] += row(x),
        [(extent, summed), inner @ ..] => {
            let part = if *extent == 0 { 0 } else { x.len() / extent };
            let kept = if *summed { out.len() } else { out.len() / (*extent).max(1) };
            for i in 0..*extent {
                let to = if *summed { 0 } else { i * kept };
                reduce(inner, &x[i * part..(i + 1) * part], &mut out[to..to + kept]);
            }
        }
    }
}

#[inline(always)]
fn add_to<T: Element>(x: &[T], out: &mut [T]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out += *x;
    }
}

/// The sum of one row, over a fixed number of accumulators.
#[inline(always)]
fn row<T: Element>(x: &[T]) -> T {
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
