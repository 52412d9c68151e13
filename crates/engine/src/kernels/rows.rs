use super::{Element, vectorised};

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
        for ((row, out), shifted) in x.chunks_exact(columns).zip(out.iter_mut()).zip(shifted.chunks_exact_mut(columns))
        {
            *out = largest(row.iter().copied());
            for (shifted, x) in shifted.iter_mut().zip(row) {
                *shifted = *x - *out;
            }
            if let Some(first) = shifted.iter_mut().find(|x| **x == T::ZERO) {
                *first = nothing;
            }
        }
        T::exp(&shifted[..x.len()], &mut grown[..x.len()]);
        for (row, out) in grown.chunks_exact(columns).zip(out.iter_mut()) {
            let others: T = row.iter().copied().sum();
            *out += others.ln_1p();
        }
    }
}

/// `out[r, i] <- e^(x[r, i]) / sum_j e^(x[r, j])` for rows of `columns` elements.
pub fn softmax<T: Element>(columns: usize, x: &[T], out: &mut [T]) {
    let rows_at_once = (BLOCK / columns).max(1);
    let mut shifted = vec![T::ZERO; rows_at_once * columns];
    for (x, out) in x.chunks(rows_at_once * columns).zip(out.chunks_mut(rows_at_once * columns)) {
        for (row, shifted) in x.chunks_exact(columns).zip(shifted.chunks_exact_mut(columns)) {
            let most = largest(row.iter().copied());
            for (shifted, x) in shifted.iter_mut().zip(row) {
                *shifted = *x - most;
            }
        }
        T::exp(&shifted[..x.len()], out);
        for row in out.chunks_exact_mut(columns) {
            let share = T::ONE / row.iter().copied().sum::<T>();
            for y in row {
                *y *= share;
            }
        }
    }
}

/// `out[i, k] <- max_j x[i, j, k]` for `j` in `extent`, `k` in `inner`.
pub fn reduce_max<T: Element>(extent: usize, inner: usize, x: &[T], out: &mut [T]) {
    for (x, out) in x.chunks_exact(extent * inner).zip(out.chunks_exact_mut(inner)) {
        if inner == 1 {
            out[0] = largest(x.iter().copied());
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

/// `out[r, c] <- 1` where `c` is `labels[r]`, else 0, for rows of `classes` elements.
pub fn one_hot<T: Element>(classes: usize, labels: &[T], out: &mut [T]) {
    for (row, label) in out.chunks_exact_mut(classes).zip(labels) {
        row.fill(T::ZERO);
        row[label.to_f64() as usize] = T::ONE;
    }
}

/// `out[r] <- x[r, labels[r]]` for rows of `columns` elements.
pub fn pick<T: Element>(columns: usize, x: &[T], labels: &[T], out: &mut [T]) {
    for ((row, label), out) in x.chunks_exact(columns).zip(labels).zip(out) {
        *out = row[label.to_f64() as usize];
    }
}

/// The largest element; NaN if any is.
fn largest<T: Element>(x: impl Iterator<Item = T>) -> T {
    x.reduce(larger).unwrap_or(T::ZERO)
}

#[inline(always)]
fn larger<T: Element>(a: T, b: T) -> T {
    if a > b || a.is_nan() { a } else { b }
}
