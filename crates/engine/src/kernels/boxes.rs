use onedge_graph::{Margins, Shape};

use super::Element;
use super::place::place;

/// A box of elements within a larger tensor, with axes merged where both lie alike in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boxed {
    /// Extents with strides in the larger tensor, outermost first; the last axis is contiguous in both.
    runs: Vec<(usize, usize)>,
    /// Where the box begins in the larger tensor.
    start: usize,
}

impl Boxed {
    /// What `margins` leave of a tensor of shape `larger`.
    pub fn new(larger: &Shape, margins: &Margins) -> Self {
        let strides = larger.strides();
        let start = strides.iter().zip(&margins.before).map(|(stride, before)| stride * before).sum();
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for axis in 0..larger.rank() {
            let extent = larger[axis] - margins.before[axis] - margins.after[axis];
            match runs.last_mut() {
                // The axis is whole, so it continues the one outside of it.
                Some((outer, stride)) if extent == larger[axis] => {
                    *outer *= extent;
                    *stride = strides[axis];
                }
                _ => runs.push((extent, strides[axis])),
            }
        }
        Self { runs, start }
    }

    /// Calls `visit(place in the larger tensor, place in the box, length)` for every contiguous run.
    fn each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let Some((&(len, _), outer)) = self.runs.split_last() else { return visit(self.start, 0, 1) };
        let count: usize = outer.iter().map(|(extent, _)| extent).product();
        for row in 0..count {
            let (mut place, mut rest) = (self.start, row);
            for (extent, stride) in outer.iter().rev() {
                place += rest % extent * stride;
                rest /= extent;
            }
            visit(place, row * len, len);
        }
    }
}

/// `out <- the box of x`
pub fn cut<T: Element>(inner: &Boxed, x: &[T], out: &mut [T]) {
    inner.each(|from, to, len| out[to..to + len].copy_from_slice(&x[from..from + len]));
}

/// `the box of out <- x`; the rest of `out` is left alone.
pub fn paste<T: Element>(inner: &Boxed, x: &[T], out: &mut [T]) {
    inner.each(|to, from, len| out[to..to + len].copy_from_slice(&x[from..from + len]));
}

/// The index of each element along an axis, where so many elements lie `within` one step of it.
pub fn iota<T: Element>(extent: usize, within: usize, out: &mut [T]) {
    let period = (extent * within).max(1);
    let (first, rest) = out.split_at_mut(period.min(out.len()));
    for (i, out) in first.chunks_exact_mut(within.max(1)).enumerate() {
        out.fill(T::from_f64(i as f64));
    }
    rest.chunks_mut(period).for_each(|again| again.copy_from_slice(&first[..again.len()]));
}

/// Rows of a table, one for each index; NaN for one that names no row.
pub fn take<T: Element>(width: usize, table: &[T], indices: &[T], out: &mut [T]) {
    let rows = table.len() / width;
    for (out, index) in out.chunks_exact_mut(width).zip(indices) {
        match place(*index, rows) {
            Some(row) => out.copy_from_slice(&table[row * width..][..width]),
            None => out.fill(T::from_f64(f64::NAN)),
        }
    }
}

/// Adds each row of values to the row of an empty table that its index names; all is NaN if one names no row.
pub fn put_add<T: Element>(width: usize, values: &[T], indices: &[T], table: &mut [T]) {
    table.fill(T::ZERO);
    let rows = table.len() / width;
    for (values, index) in values.chunks_exact(width).zip(indices) {
        match place(*index, rows) {
            Some(row) => table[row * width..][..width].iter_mut().zip(values).for_each(|(sum, value)| *sum += *value),
            None => return table.fill(T::from_f64(f64::NAN)),
        }
    }
}
