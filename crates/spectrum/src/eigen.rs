//! Eigenvalues of the small projected matrices: Householder reduction and implicit QL.
//!
//! Source: Bowdler, Martin, Reinsch, Wilkinson, "The QR and QL algorithms for symmetric matrices", 1968.

use onedge_objective::vector::{dot, norm};

use crate::Error;

/// Eigenvalues in ascending order and, for each, the chosen rows of its unit eigenvector.
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    pub(crate) vectors: Vec<Vec<f64>>,
}

/// The eigenvalues of the tridiagonal matrix with `diagonal` and `off` (one shorter) beside it, and the last element
/// of every eigenvector. Cost: O(n^2).
pub(crate) fn tridiagonal_last_row(diagonal: &[f64], off: &[f64]) -> Result<Eigen, Error> {
    let n = diagonal.len();
    let rows = (0..n).map(|i| vec![if i + 1 == n { 1.0 } else { 0.0 }]).collect();
    implicit_ql(diagonal.to_vec(), off.to_vec(), rows)
}

/// The eigenvalues of the tridiagonal matrix with `diagonal` and `off` (one shorter) beside it, and the first element
/// of every eigenvector. Cost: O(n^2).
pub(crate) fn tridiagonal_first_row(diagonal: &[f64], off: &[f64]) -> Result<Eigen, Error> {
    let rows = (0..diagonal.len()).map(|i| vec![if i == 0 { 1.0 } else { 0.0 }]).collect();
    implicit_ql(diagonal.to_vec(), off.to_vec(), rows)
}

/// The eigenvalues and eigenvectors of a full symmetric matrix, given by its rows. Cost: O(n^3).
pub(crate) fn symmetric(mut matrix: Vec<Vec<f64>>) -> Result<Eigen, Error> {
    let n = matrix.len();
    let mut columns: Vec<Vec<f64>> = (0..n).map(|j| (0..n).map(|i| f64::from(u8::from(i == j))).collect()).collect();
    let mut off = Vec::with_capacity(n.saturating_sub(1));
    for k in 0..n.saturating_sub(1) {
        off.push(reflect(&mut matrix, &mut columns, k));
    }
    let diagonal = (0..n).map(|i| matrix[i][i]).collect();
    implicit_ql(diagonal, off, columns)
}

/// Maps column k under the diagonal to a multiple of its first element, from both sides; returns that multiple.
fn reflect(matrix: &mut [Vec<f64>], columns: &mut [Vec<f64>], k: usize) -> f64 {
    let n = matrix.len();
    let mut v: Vec<f64> = (k + 1..n).map(|i| matrix[i][k]).collect();
    if norm(&v[1..]) == 0.0 {
        return v[0];
    }
    let target = -norm(&v).copysign(v[0]);
    v[0] -= target;
    let length = norm(&v);
    v.iter_mut().for_each(|x| *x /= length);
    // A <- (I - 2vv') A (I - 2vv') = A - v w' - w v' with w = 2 (Av - (v.Av) v)
    let product: Vec<f64> = (k + 1..n).map(|i| dot(&matrix[i][k + 1..], &v)).collect();
    let quadratic = dot(&product, &v);
    let w: Vec<f64> = product.iter().zip(&v).map(|(p, v)| 2.0 * (p - quadratic * v)).collect();
    for i in 0..v.len() {
        for j in 0..v.len() {
            matrix[k + 1 + i][k + 1 + j] -= v[i] * w[j] + w[i] * v[j];
        }
    }
    // Q <- Q (I - 2vv'), Q held by columns
    let mut projection = vec![0.0; n];
    for (column, v) in columns[k + 1..].iter().zip(&v) {
        projection.iter_mut().zip(column).for_each(|(p, c)| *p += v * c);
    }
    for (column, v) in columns[k + 1..].iter_mut().zip(&v) {
        column.iter_mut().zip(&projection).for_each(|(c, p)| *c -= 2.0 * v * p);
    }
    target
}

/// Diagonalises a tridiagonal matrix by plane rotations, applied to `columns` from the right as well.
fn implicit_ql(mut diagonal: Vec<f64>, mut off: Vec<f64>, mut columns: Vec<Vec<f64>>) -> Result<Eigen, Error> {
    const MAX_SWEEPS: usize = 100;
    let n = diagonal.len();
    off.resize(n, 0.0);
    for first in 0..n {
        for sweep in 0.. {
            let negligible = |i: &usize| off[*i].abs() <= f64::EPSILON * (diagonal[*i].abs() + diagonal[i + 1].abs());
            let last = (first..n - 1).find(negligible).unwrap_or(n - 1);
            if last == first {
                break;
            }
            if sweep == MAX_SWEEPS {
                return Err(Error::Projected { size: n });
            }
            ql_sweep(&mut diagonal, &mut off, &mut columns, first, last);
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| diagonal[i].total_cmp(&diagonal[j]));
    Ok(Eigen {
        values: order.iter().map(|&i| diagonal[i]).collect(),
        vectors: order.iter().map(|&i| std::mem::take(&mut columns[i])).collect(),
    })
}

/// One implicit QL sweep over the unreduced block `first..=last`, with Wilkinson's shift.
fn ql_sweep(diagonal: &mut [f64], off: &mut [f64], columns: &mut [Vec<f64>], first: usize, last: usize) {
    let half = (diagonal[first + 1] - diagonal[first]) / (2.0 * off[first]);
    let mut g = diagonal[last] - diagonal[first] + off[first] / (half + half.hypot(1.0).copysign(half));
    let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
    for i in (first..last).rev() {
        let (f, b) = (sine * off[i], cosine * off[i]);
        let radius = f.hypot(g);
        off[i + 1] = radius;
        if radius == 0.0 {
            diagonal[i + 1] -= shift;
            off[last] = 0.0;
            return;
        }
        (sine, cosine) = (f / radius, g / radius);
        g = diagonal[i + 1] - shift;
        let step = (diagonal[i] - g) * sine + 2.0 * cosine * b;
        shift = sine * step;
        diagonal[i + 1] = g + shift;
        g = cosine * step - b;
        let (low, high) = columns.split_at_mut(i + 1);
        for (x, y) in low[i].iter_mut().zip(&mut high[0]) {
            (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
        }
    }
    diagonal[first] -= shift;
    off[first] = g;
    off[last] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_difference_matrix() {
        // Eigenvalues of tridiag(-1, 2, -1) are 2 - 2 cos(pi j / (n + 1)); the last elements of the eigenvectors
        // are sin(pi j n / (n + 1)) sqrt(2 / (n + 1)), up to sign.
        for n in [1, 2, 3, 17, 64] {
            let eigen = tridiagonal_last_row(&vec![2.0; n], &vec![-1.0; n - 1]).unwrap();
            for j in 1..=n {
                let angle = std::f64::consts::PI * j as f64 / (n + 1) as f64;
                assert!((eigen.values[j - 1] - (2.0 - 2.0 * angle.cos())).abs() < 1e-13);
                let last = ((angle * n as f64).sin() * (2.0 / (n + 1) as f64).sqrt()).abs();
                assert!((eigen.vectors[j - 1][0].abs() - last).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn full_matrices_satisfy_the_definition() {
        for n in [1, 2, 5, 23] {
            let a: Vec<Vec<f64>> =
                (0..n).map(|i| (0..n).map(|j| ((i * j) as f64).sin() + (i + j) as f64 * 0.1).collect()).collect();
            let eigen = symmetric(a.clone()).unwrap();
            for (value, vector) in eigen.values.iter().zip(&eigen.vectors) {
                assert!((norm(vector) - 1.0).abs() < 1e-12);
                for i in 0..n {
                    assert!((dot(&a[i], vector) - value * vector[i]).abs() < 1e-11);
                }
            }
            assert!(eigen.values.is_sorted());
        }
    }

    #[test]
    fn degenerate_and_zero_matrices() {
        assert_eq!(tridiagonal_last_row(&[0.0, 0.0, 0.0], &[0.0, 0.0]).unwrap().values, [0.0, 0.0, 0.0]);
        let eigen = tridiagonal_last_row(&[0.0, 0.0], &[3.0]).unwrap();
        assert!((eigen.values[0] + 3.0).abs() < 1e-15 && (eigen.values[1] - 3.0).abs() < 1e-15);
        assert!(tridiagonal_last_row(&[f64::NAN, 0.0], &[3.0]).is_err());
    }
}
