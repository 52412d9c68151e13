//! Five steps of Newton-Schulz: what Muon makes of a matrix.

use onedge_objective::{Real, vector};

/// The quintic's coefficients: steepest at zero, so that small singular values grow fast, while large ones end between
/// about 0.7 and 1.2.
const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];
const STEPS: usize = 5;
/// Added to the norm.
const EPS: f64 = 1e-7;

/// Replaces the row-major `matrix` by one of about the same singular vectors, with singular values near 1.
///
/// ```text
/// X = M / (|M| + 1e-7), then five times  A = X X',  X <- a X + (b A + c A A) X
/// ```
///
/// Of a matrix with more rows than columns it is done to the transpose, which gives the same with less work. Zero stays
/// zero.
///
/// Cost: `10 n m^2 + 5 m^3` multiplications, m the smaller side.
///
/// Source: Jordan 2024, https://kellerjordan.github.io/posts/muon/, in the precision T instead of bfloat16.
pub(super) fn orthogonalize<T: Real>(matrix: &mut [T], rows: usize, columns: usize) {
    let size = vector::norm(matrix) + EPS;
    vector::scale(1.0 / size, matrix);
    if rows <= columns {
        iterate(matrix, rows, columns);
    } else {
        let mut turned = transpose(matrix, rows, columns);
        iterate(&mut turned, columns, rows);
        matrix.copy_from_slice(&transpose(&turned, columns, rows));
    }
}

fn iterate<T: Real>(x: &mut [T], rows: usize, columns: usize) {
    let [a, b, c] = COEFFICIENTS.map(T::from_f64);
    for _ in 0..STEPS {
        let gram = product(x, &transpose(x, rows, columns), rows, columns);
        let mut inner = product(&gram, &gram, rows, rows);
        for (inner, &gram) in inner.iter_mut().zip(&gram) {
            *inner = b * gram + c * *inner;
        }
        let image = product(&inner, x, rows, rows);
        for (x, image) in x.iter_mut().zip(image) {
            *x = a * *x + image;
        }
    }
}

/// The product of `a`, `[rows, inner]`, with `b`, `[inner, b.len() / inner]`. Four rows of `b` at a time: the row of
/// the product then goes through the cache a quarter as often.
fn product<T: Real>(a: &[T], b: &[T], rows: usize, inner: usize) -> Vec<T> {
    let columns = b.len().checked_div(inner).unwrap_or(0);
    let mut out = vec![T::ZERO; rows * columns];
    for i in 0..rows {
        let (left, out) = (&a[i * inner..][..inner], &mut out[i * columns..][..columns]);
        let row = |k: usize| &b[k * columns..][..columns];
        let whole = inner - inner % 4;
        for k in (0..whole).step_by(4) {
            let (b0, b1, b2, b3) = (row(k), row(k + 1), row(k + 2), row(k + 3));
            for (j, out) in out.iter_mut().enumerate() {
                *out += left[k] * b0[j] + left[k + 1] * b1[j] + left[k + 2] * b2[j] + left[k + 3] * b3[j];
            }
        }
        for (k, &left) in left.iter().enumerate().skip(whole) {
            out.iter_mut().zip(row(k)).for_each(|(out, &b)| *out += left * b);
        }
    }
    out
}

fn transpose<T: Real>(x: &[T], rows: usize, columns: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(x.len());
    for j in 0..columns {
        out.extend((0..rows).map(|i| x[i * columns + j]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the five steps make of a singular value, once divided by the norm.
    fn of_singular_value(mut s: f64) -> f64 {
        let [a, b, c] = COEFFICIENTS;
        for _ in 0..STEPS {
            s = a * s + b * s.powi(3) + c * s.powi(5);
        }
        s
    }

    /// A diagonal matrix keeps its singular vectors, and each value goes through the polynomial alone.
    #[test]
    fn acts_on_singular_values() {
        let norm = (9.0_f64 + 16.0 + 144.0).sqrt() + EPS;
        let values = [3.0, -4.0, 12.0];
        for (rows, columns) in [(3, 3), (3, 7), (6, 3)] {
            let mut matrix = vec![0.0; rows * columns];
            (0..3).for_each(|i| matrix[i * columns + i] = values[i]);
            orthogonalize(&mut matrix, rows, columns);
            for (place, x) in matrix.iter().enumerate() {
                let (i, j) = (place / columns, place % columns);
                let expected = if i == j && i < 3 { of_singular_value(values[i] / norm) } else { 0.0 };
                assert!((x - expected).abs() < 1e-14, "{rows} x {columns}: {i} {j}");
            }
        }
    }

    #[test]
    fn products_and_transposes_by_hand() {
        // [1 2 3 4 5; -1 0 1 0 2] times its transpose.
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, -1.0, 0.0, 1.0, 0.0, 2.0];
        let turned = transpose(&a, 2, 5);
        assert_eq!(turned, [1.0, -1.0, 2.0, 0.0, 3.0, 1.0, 4.0, 0.0, 5.0, 2.0]);
        assert_eq!(product(&a, &turned, 2, 5), [55.0, 12.0, 12.0, 6.0]);
    }

    #[test]
    fn zero_stays_zero() {
        let mut matrix = [0.0_f32; 6];
        orthogonalize(&mut matrix, 2, 3);
        assert_eq!(matrix, [0.0; 6]);
    }
}
