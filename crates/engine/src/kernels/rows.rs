use super::Element;
use super::dispatch::vectorised;
use super::functions::{exp, larger};
use super::place::place;
use super::sum::row as row_sum;

/// How many elements are exponentiated at a time.
const BLOCK: usize = 1024;

/// `out[r] <- ln sum_j e^(x[r, j])` for rows of `columns` elements.
///
/// As `m + ln(1 + sum of e^(x - m) over all but one largest element m)`: where one element outweighs the others by far
/// (the label of a fitted model, at zero) the result is small, and exact to rounding.
pub fn logsumexp<T: Element>(columns: usize, x: &[T], out: &mut [T]) {
    let rows_at_once = (BLOCK / columns).max(1);
    let mut shifted = vec![T::ZERO; rows_at_once * columns];
    let mut grown = shifted.clone();
    let nothing = T::from_f64(f64::NEG_INFINITY);
    for (x, out) in x.chunks(rows_at_once * columns).zip(out.chunks_mut(rows_at_once)) {
        let shifted = &mut shifted[..x.len()];
        shift(columns, x, shifted);
        for ((row, shifted), out) in x.chunks_exact(columns).zip(shifted.chunks_exact_mut(columns)).zip(&mut *out) {
            *out = row[0] - shifted[0];
            if let Some(first) = shifted.iter().position(|x| *x == T::ZERO) {
                *out = row[first];
                shifted[first] = nothing;
            }
        }
        exp(shifted, &mut grown[..x.len()]);
        for (row, out) in grown.chunks_exact(columns).zip(out) {
            *out += row_sum(row).ln_1p();
        }
    }
}

/// `out[r, i] <- e^(x[r, i]) / sum_j e^(x[r, j])` for rows of `columns` elements.
pub fn softmax<T: Element>(columns: usize, x: &[T], out: &mut [T]) {
    let rows_at_once = (BLOCK / columns).max(1);
    let mut shifted = vec![T::ZERO; rows_at_once * columns];
    for (x, out) in x.chunks(rows_at_once * columns).zip(out.chunks_mut(rows_at_once * columns)) {
        let shifted = &mut shifted[..x.len()];
        shift(columns, x, shifted);
        exp(shifted, out);
        vectorised(
            #[inline(always)]
            || {
                for row in out.chunks_exact_mut(columns) {
                    let share = T::ONE / row_sum(row);
                    row.iter_mut().for_each(|y| *y *= share);
                }
            },
        );
    }
}

/// `out[r, i] <- x[r, i] - max_j x[r, j]` for rows of `columns` elements.
fn shift<T: Element>(columns: usize, x: &[T], out: &mut [T]) {
    vectorised(
        #[inline(always)]
        || {
            for (row, out) in x.chunks_exact(columns).zip(out.chunks_exact_mut(columns)) {
                let most = largest(row);
                for (out, x) in out.iter_mut().zip(row) {
                    *out = *x - most;
                }
            }
        },
    );
}

/// `out[i, k] <- max_j x[i, j, k]` for `j` in `extent`, `k` in `inner`.
pub fn reduce_max<T: Element>(extent: usize, inner: usize, x: &[T], out: &mut [T]) {
    for (x, out) in x.chunks_exact(extent * inner).zip(out.chunks_exact_mut(inner)) {
        if inner == 1 {
            out[0] = largest(x);
            continue;
        }
        out.copy_from_slice(&x[..inner]);
        vectorised(
            #[inline(always)]
            || {
                for row in x.chunks_exact(inner).skip(1) {
                    for (out, x) in out.iter_mut().zip(row) {
                        *out = larger(*out, *x);
                    }
                }
            },
        );
    }
}

/// `out[i, j, k] <- 1` where `x[i, j, k]` is the first of the largest over `j` in `extent`, else 0, for `k` in `inner`.
/// No element of a row with a NaN is the largest.
pub fn first_largest<T: Element>(extent: usize, inner: usize, x: &[T], out: &mut [T]) {
    let most = &mut vec![T::ZERO; inner][..];
    for (x, out) in x.chunks_exact((extent * inner).max(1)).zip(out.chunks_exact_mut((extent * inner).max(1))) {
        reduce_max(extent, inner, x, most);
        vectorised(
            #[inline(always)]
            || {
                for (row, out) in x.chunks_exact(inner).zip(out.chunks_exact_mut(inner)) {
                    for ((out, x), most) in out.iter_mut().zip(row).zip(&mut *most) {
                        let first = *x == *most;
                        *out = if first { T::ONE } else { T::ZERO };
                        // Nothing is equal to it any more.
                        *most = if first { T::from_f64(f64::NAN) } else { *most };
                    }
                }
            },
        );
    }
}

/// `out[i, j, k] <- x[i, 0, k] + .. + x[i, j, k]` for `j` in `extent`, `k` in `inner`; from the last `j` down if `reverse`.
pub fn cumsum<T: Element>(extent: usize, inner: usize, reverse: bool, x: &[T], out: &mut [T]) {
    let block = extent * inner;
    if block == 0 {
        return;
    }
    out.copy_from_slice(x);
    vectorised(
        #[inline(always)]
        || {
            for out in out.chunks_exact_mut(block) {
                for step in 1..extent {
                    // The row before, in the order of the sum, and this one.
                    let (sums, row) = if reverse {
                        let (head, tail) = out.split_at_mut((extent - step) * inner);
                        (&tail[..inner], &mut head[(extent - step - 1) * inner..])
                    } else {
                        let (head, tail) = out.split_at_mut(step * inner);
                        (&head[(step - 1) * inner..], &mut tail[..inner])
                    };
                    row.iter_mut().zip(sums).for_each(|(row, sum)| *row += *sum);
                }
            }
        },
    );
}

/// `out[r, c] <- 1` where `c` is `labels[r]`, else 0, for rows of `classes` elements; NaN where a label names no class.
pub fn one_hot<T: Element>(classes: usize, labels: &[T], out: &mut [T]) {
    for (row, label) in out.chunks_exact_mut(classes).zip(labels) {
        match place(*label, classes) {
            Some(class) => {
                row.fill(T::ZERO);
                row[class] = T::ONE;
            }
            None => row.fill(T::from_f64(f64::NAN)),
        }
    }
}

/// `out[r] <- x[r, labels[r]]` for rows of `columns` elements; NaN where a label names no column.
pub fn pick<T: Element>(columns: usize, x: &[T], labels: &[T], out: &mut [T]) {
    for ((row, label), out) in x.chunks_exact(columns).zip(labels).zip(out) {
        *out = place(*label, columns).map_or(T::from_f64(f64::NAN), |column| row[column]);
    }
}

/// The largest element; NaN if any is.
#[inline(always)]
fn largest<T: Element>(x: &[T]) -> T {
    const WIDTH: usize = 16;
    let (Some(first), blocks) = (x.first(), x.chunks_exact(WIDTH)) else { return T::ZERO };
    let mut most = [*first; WIDTH];
    let rest = blocks.remainder();
    for block in blocks {
        for i in 0..WIDTH {
            most[i] = larger(block[i], most[i]);
        }
    }
    most.iter().chain(rest).copied().fold(*first, larger)
}
