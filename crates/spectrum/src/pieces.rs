//! Work on all stored vectors at once: one sweep over pieces that stay in cache, however many vectors there are. What a piece gives does not depend on where the others
//! lie, and sums over pieces are taken in their order, so vectors may be held in pieces on several machines.

use std::convert::Infallible;

use onedge_objective::{Real, vector};
use rayon::prelude::*;

use crate::Error;

/// Elements of a piece: the unit of parallel work and of summation, fixed so that bits depend neither on threads nor on the machines that hold them.
pub const PIECE: usize = 1 << 15;
/// Elements of a block: this much of every basis vector is read, used and read again while it is in cache.
const BLOCK: usize = 1 << 11;

/// The threads that work on stored vectors.
#[derive(Debug)]
pub struct Team(Option<rayon::ThreadPool>);

impl Team {
    /// So many threads for vectors of `dim` elements; the caller's alone where more would not pay.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub fn new(threads: usize, dim: usize) -> Result<Self, Error> {
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

/// What one sweep over stored vectors q_i and a vector r does, and the numbers that it gives for each piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sweep<'a> {
    /// `q_i . r`, in the precision of the vectors: the first pass of Gram-Schmidt.
    Project,
    /// `r <- r - sum_i c_i q_i`, and then `q_i . r` as before: the second pass.
    ProjectAgain(&'a [f64]),
    /// `r <- r - sum_i c_i q_i`, and then `r . r`, one number.
    Finish(&'a [f64]),
}

impl Sweep<'_> {
    /// The numbers of a piece, for `count` stored vectors.
    pub fn numbers(&self, count: usize) -> usize {
        match self {
            Self::Finish(_) => 1,
            Self::Project | Self::ProjectAgain(_) => count,
        }
    }

    /// Works on stored vectors of the length of `r`, or on the same range of whole pieces of each: the numbers of every piece, piece after piece.
    pub fn run<T: Real>(self, team: &Team, stored: &[&[T]], r: &mut [T]) -> Vec<f64> {
        let numbers = self.numbers(stored.len());
        let piece = |(index, r): (usize, &mut [T])| {
            let mut sums = vec![0.0; numbers];
            for (block, r) in r.chunks_mut(BLOCK).enumerate() {
                let start = index * PIECE + block * BLOCK;
                let blocks: Vec<&[T]> = stored.iter().map(|q| &q[start..start + r.len()]).collect();
                self.work(&blocks, r, &mut sums);
            }
            sums
        };
        team.map(r.chunks_mut(PIECE).enumerate().collect(), piece).concat()
    }

    fn work<T: Real>(self, blocks: &[&[T]], r: &mut [T], sums: &mut [f64]) {
        if let Self::ProjectAgain(coefficients) | Self::Finish(coefficients) = self {
            subtract(coefficients, blocks, r);
        }
        match self {
            Self::Finish(_) => sums[0] += vector::dot(r, r),
            _ => sums.iter_mut().zip(blocks).for_each(|(sum, q)| *sum += block_dot(q, r)),
        }
    }
}

/// `a_i . v`, summed in f64, of every piece, piece after piece.
pub fn dots<T: Real>(team: &Team, a: &[&[T]], v: &[T]) -> Vec<f64> {
    let piece = |(index, v): (usize, &[T])| -> Vec<f64> {
        a.iter().map(|a| vector::dot(&a[index * PIECE..][..v.len()], v)).collect()
    };
    team.map(v.chunks(PIECE).enumerate().collect(), piece).concat()
}

/// The sum over all pieces, in their order, of `numbers` numbers a piece.
pub fn total(numbers: usize, of_pieces: &[f64]) -> Vec<f64> {
    let mut total = vec![0.0; numbers];
    for piece in of_pieces.chunks(numbers.max(1)) {
        total.iter_mut().zip(piece).for_each(|(total, number)| *total += number);
    }
    total
}

/// Classical Gram-Schmidt done twice, where `sweep` makes one over all pieces and gives the [`total`]: the coefficients `q_i . r`, both passes added, and the norm of
/// what is left.
///
/// Cost: three sweeps over the basis; the second pass takes its products while the first subtracts.
///
/// # Errors
/// Those of `sweep`.
pub fn gram_schmidt<E>(mut sweep: impl FnMut(Sweep) -> Result<Vec<f64>, E>) -> Result<(Vec<f64>, f64), E> {
    let first = sweep(Sweep::Project)?;
    let second = sweep(Sweep::ProjectAgain(&first))?;
    let square = sweep(Sweep::Finish(&second))?;
    Ok((first.iter().zip(&second).map(|(a, b)| a + b).collect(), square[0].sqrt()))
}

/// Makes `r` orthogonal to the orthonormal `basis`, as [`gram_schmidt`] does.
pub(crate) fn orthogonalize<T: Real>(team: &Team, basis: &[&[T]], r: &mut [T]) -> (Vec<f64>, f64) {
    let sweep = |sweep: Sweep| Ok(total(sweep.numbers(basis.len()), &sweep.run(team, basis, r)));
    let done: Result<_, Infallible> = gram_schmidt(sweep);
    done.unwrap_or_else(|never| match never {})
}

/// `sum_i coefficients[i] vectors[i]`, of one vector or more.
pub fn combine<T: Real>(coefficients: &[f64], vectors: &[&[T]]) -> Vec<T> {
    let mut sum = vec![T::ZERO; vectors[0].len()];
    coefficients.iter().zip(vectors).for_each(|(coefficient, v)| vector::axpy(*coefficient, v, &mut sum));
    sum
}

/// Replaces the vectors by their combinations: vector i becomes `sum_j columns[i][j] vectors[j]`. As many are left as there are columns.
pub fn rotate<T: Real>(team: &Team, vectors: &mut Vec<Vec<T>>, columns: &[Vec<f64>]) {
    team.map(by_piece(vectors), |mut vectors| {
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
    vectors.truncate(columns.len());
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

    fn all(vectors: &[Vec<f32>]) -> Vec<&[f32]> {
        vectors.iter().map(Vec::as_slice).collect()
    }

    fn orthonormal(count: usize, dim: usize) -> Vec<Vec<f32>> {
        let mut basis = Vec::new();
        for seed in 0..count as u64 {
            let mut r = unit_vector(seed, dim);
            let (_, norm) = orthogonalize(&Team(None), &all(&basis), &mut r);
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
            let (coefficients, norm) = orthogonalize(&Team(None), &all(&basis), &mut left);
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
            let (coefficients, norm) = orthogonalize(&team, &all(&basis), &mut r);
            rotate(&team, &mut basis, &[vec![0.6, 0.8, 0.0, 0.0], vec![0.0, 0.0, -0.8, 0.6]]);
            (coefficients, norm, r, basis)
        };
        assert!(run(1) == run(3));
    }

    #[test]
    fn pieces_may_lie_anywhere() {
        let (dim, team) = (3 * PIECE + 11, Team(None));
        let (basis, r): (_, Vec<f32>) = (orthonormal(4, dim), unit_vector(9, dim));
        for sweep in [Sweep::Project, Sweep::ProjectAgain(&[0.1; 4]), Sweep::Finish(&[0.1; 4])] {
            let mut whole = r.clone();
            let expected = sweep.run(&team, &all(&basis), &mut whole);
            let (mut numbers, mut products, mut parts) = (Vec::new(), Vec::new(), Vec::new());
            for range in [0..PIECE, PIECE..3 * PIECE, 3 * PIECE..dim] {
                let stored: Vec<&[f32]> = basis.iter().map(|q| &q[range.clone()]).collect();
                let mut part = r[range].to_vec();
                products.extend(dots(&team, &stored, &part));
                numbers.extend(sweep.run(&team, &stored, &mut part));
                parts.extend(part);
            }
            assert!(numbers == expected && parts == whole && products == dots(&team, &all(&basis), &r));
            assert_eq!(expected.len(), 4 * sweep.numbers(4));
        }
        let found = total(4, &dots(&team, &all(&basis), &r));
        assert!(basis.iter().zip(&found).all(|(q, dot)| (vector::dot(q, &r) - dot).abs() < 1e-12));
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
