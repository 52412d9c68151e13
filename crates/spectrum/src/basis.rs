//! Work on all stored vectors at once: one sweep over pieces that stay in cache, however many vectors there are.

use onedge_objective::{Real, vector};
use rayon::prelude::*;

use crate::Error;

/// Elements of a piece: the unit of parallel work and of summation, fixed so that bits do not depend on threads.
const PIECE: usize = 1 << 15;
/// Elements of a block: this much of every basis vector is read, used and read again while it is in cache.
const BLOCK: usize = 1 << 11;

/// The threads that work on a basis.
#[derive(Debug)]
pub(crate) struct Team(Option<rayon::ThreadPool>);

impl Team {
    /// So many threads for vectors of `dim` elements; the caller's alone where more would not pay.
    pub(crate) fn new(threads: usize, dim: usize) -> Result<Self, Error> {
        let useful = threads.min(dim / PIECE);
        if useful < 2 {
            return Ok(Self(None));
        }
        Ok(Self(Some(rayon::ThreadPoolBuilder::new().num_threads(useful).build()?)))
    }

    /// The results of `work` on each item, in order.
    fn map<I: Send, R: Send>(&self, items: Vec<I>, work: impl Fn(I) -> R + Sync + Send) -> Vec<R> {
        match &self.0 {
            Some(pool) => pool.install(|| items.into_par_iter().map(&work).collect()),
            None => items.into_iter().map(work).collect(),
        }
    }
}

/// Makes `r` orthogonal to the orthonormal `basis` by classical Gram-Schmidt done twice.
///
/// Returns the coefficients `q_i . r` (both passes added) and the norm of what is left.
///
/// Cost: three sweeps over the basis; the second pass takes its products while the first subtracts.
pub(crate) fn orthogonalize<T: Real>(team: &Team, basis: &[&Vec<T>], r: &mut [T]) -> (Vec<f64>, f64) {
    let count = basis.len();
    let first = sweep(team, basis, r, count, |blocks, r, sums| {
        for (sum, q) in sums.iter_mut().zip(blocks) {
            *sum += block_dot(q, r);
        }
    });
    let second = sweep(team, basis, r, count, |blocks, r, sums| {
        subtract(&first, blocks, r);
        for (sum, q) in sums.iter_mut().zip(blocks) {
            *sum += block_dot(q, r);
        }
    });
    let square = sweep(team, basis, r, 1, |blocks, r, sums| {
        subtract(&second, blocks, r);
        sums[0] += vector::dot(r, r);
    });
    let coefficients = first.iter().zip(&second).map(|(a, b)| a + b).collect();
    (coefficients, square[0].sqrt())
}

/// Replaces the basis by its combinations: vector i becomes `sum_j columns[i][j] basis[j]`. Shortens the basis to
/// `columns.len()`, in place.
pub(crate) fn rotate<T: Real>(team: &Team, basis: &mut Vec<Vec<T>>, columns: &[Vec<f64>]) {
    team.map(by_piece(basis), |mut vectors| {
        let length = vectors.first().map_or(0, |v| v.len());
        for start in (0..length).step_by(BLOCK) {
            let end = (start + BLOCK).min(length);
            let rotated: Vec<Vec<T>> = columns
                .iter()
                .map(|column| {
                    let mut sum = vec![T::ZERO; end - start];
                    for (&coefficient, v) in column.iter().zip(&vectors) {
                        vector::axpy(coefficient, &v[start..end], &mut sum);
                    }
                    sum
                })
                .collect();
            for (v, sum) in vectors.iter_mut().zip(&rotated) {
                v[start..end].copy_from_slice(sum);
            }
        }
    });
    basis.truncate(columns.len());
}

/// Runs `work(blocks of the basis, block of r, sums)` over everything; returns the sums, added piece by piece in order.
fn sweep<T: Real>(
    team: &Team,
    basis: &[&Vec<T>],
    r: &mut [T],
    sums: usize,
    work: impl Fn(&[&[T]], &mut [T], &mut [f64]) + Sync,
) -> Vec<f64> {
    let piece = |(index, r): (usize, &mut [T])| {
        let mut partial = vec![0.0; sums];
        for (block, r) in r.chunks_mut(BLOCK).enumerate() {
            let start = index * PIECE + block * BLOCK;
            let blocks: Vec<&[T]> = basis.iter().map(|q| &q[start..start + r.len()]).collect();
            work(&blocks, r, &mut partial);
        }
        partial
    };
    let partials: Vec<Vec<f64>> = team.map(r.chunks_mut(PIECE).enumerate().collect(), piece);
    let mut total = vec![0.0; sums];
    for partial in partials {
        for (total, partial) in total.iter_mut().zip(partial) {
            *total += partial;
        }
    }
    total
}

fn subtract<T: Real>(coefficients: &[f64], blocks: &[&[T]], r: &mut [T]) {
    for (&coefficient, q) in coefficients.iter().zip(blocks) {
        vector::axpy(-coefficient, q, r);
    }
}

/// `a . b` over one block, in the precision of T. With sums in f64 the whole orthogonalisation took twice as long in
/// single precision (1.8e6 elements, 20 vectors), and the second pass of Gram-Schmidt removes the rounding of the first.
fn block_dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    const LANES: usize = 16;
    let mut sums = [T::ZERO; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: T = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(&a, &b)| a * b).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for i in 0..LANES {
            sums[i] += a[i] * b[i];
        }
    }
    (sums.into_iter().sum::<T>() + tail).to_f64()
}

/// For each piece, the part of every vector that lies in it.
fn by_piece<T>(basis: &mut [Vec<T>]) -> Vec<Vec<&mut [T]>> {
    let mut pieces: Vec<Vec<&mut [T]>> = Vec::new();
    for v in basis {
        for (index, part) in v.chunks_mut(PIECE).enumerate() {
            if index == pieces.len() {
                pieces.push(Vec::new());
            }
            pieces[index].push(part);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::unit_vector;

    fn orthonormal(count: usize, dim: usize) -> Vec<Vec<f32>> {
        let mut basis = Vec::new();
        for seed in 0..count as u64 {
            let mut r = unit_vector(seed, dim);
            let (_, norm) = orthogonalize(&Team(None), &basis.iter().collect::<Vec<_>>(), &mut r);
            vector::scale(1.0 / norm, &mut r);
            basis.push(r);
        }
        basis
    }

    #[test]
    fn leaves_nothing_along_the_basis() {
        for dim in [7, BLOCK + 3, 2 * PIECE + 5] {
            let basis = orthonormal(5, dim);
            let r: Vec<f32> = unit_vector(9, dim);
            let mut left = r.clone();
            let (coefficients, norm) = orthogonalize(&Team(None), &basis.iter().collect::<Vec<_>>(), &mut left);
            assert!((norm - vector::norm(&left)).abs() < 1e-7);
            for (q, coefficient) in basis.iter().zip(&coefficients) {
                assert!(vector::dot(q, &left).abs() < 1e-7);
                assert!((vector::dot(q, &r) - coefficient).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads() {
        let dim = 3 * PIECE + 11;
        let run = |threads: usize| {
            let team = Team::new(threads, dim).unwrap();
            assert_eq!(team.0.is_some(), threads > 1);
            let mut basis = orthonormal(4, dim);
            let mut r = unit_vector(9, dim);
            let (coefficients, norm) = orthogonalize(&team, &basis.iter().collect::<Vec<_>>(), &mut r);
            rotate(&team, &mut basis, &[vec![0.6, 0.8, 0.0, 0.0], vec![0.0, 0.0, -0.8, 0.6]]);
            (coefficients, norm, r, basis)
        };
        assert!(run(1) == run(3));
    }

    #[test]
    fn rotates_in_place() {
        let basis = orthonormal(3, BLOCK + 5);
        let mut rotated = basis.clone();
        rotate(&Team(None), &mut rotated, &[vec![0.0, 1.0, 2.0], vec![3.0, 0.0, 0.0]]);
        assert_eq!(rotated.len(), 2);
        for i in [0, BLOCK - 1, BLOCK + 4] {
            assert!((rotated[0][i] - (basis[1][i] + 2.0 * basis[2][i])).abs() < 1e-6);
            assert_eq!(rotated[1][i], 3.0 * basis[0][i]);
        }
    }
}
