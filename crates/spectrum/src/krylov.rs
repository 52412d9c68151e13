use onedge_objective::{Error as ObjectiveError, Probe, Real, vector};

use crate::basis::{Team, orthogonalize, rotate};
use crate::eigen::{self, Eigen};
use crate::seeded::unit_vector;
use crate::shares::Jacobi;
use crate::{Error, LinearOperator};

/// An orthonormal basis of a Krylov space, the operator projected onto it, and the one vector that comes next.
///
/// The projected matrix is tridiagonal; after a restart its first `kept` vectors are Ritz vectors, coupled only to
/// the vector that follows them.
pub(crate) struct Krylov<T> {
    /// The vectors multiplied so far and then, unless they span everything, the next one.
    basis: Vec<Vec<T>>,
    diagonal: Vec<f64>,
    /// Couplings of the kept vectors to vector number `kept`.
    arrow: Vec<f64>,
    /// Couplings of vector `kept + j` to the one after it.
    off: Vec<f64>,
    /// Coupling of the last multiplied vector to the next one.
    next: f64,
    /// The largest projected element met, which measures the norm of the operator.
    scale: f64,
    /// Seed of the next random vector.
    seed: u64,
    team: Team,
    /// Products so far.
    pub(crate) products: usize,
    /// How often the space turned out to be invariant.
    pub(crate) breakdowns: usize,
    /// Products since the last random vector.
    pub(crate) run_length: usize,
}

impl<T: Real> Krylov<T> {
    /// Starts from the unit vector `start`; random vectors that may be needed later come from `seed`.
    pub(crate) fn new(start: Vec<T>, seed: u64, threads: usize) -> Result<Self, Error> {
        Ok(Self {
            team: Team::new(threads, start.len())?,
            basis: vec![start],
            diagonal: Vec::new(),
            arrow: Vec::new(),
            off: Vec::new(),
            next: 0.0,
            scale: 0.0,
            seed,
            products: 0,
            breakdowns: 0,
            run_length: 0,
        })
    }

    /// The number of vectors multiplied and still in the basis.
    pub(crate) fn size(&self) -> usize {
        self.diagonal.len()
    }

    /// Whether the basis spans the whole space.
    pub(crate) fn complete(&self) -> bool {
        self.size() == self.basis[0].len()
    }

    /// One product: multiplies the next vector and makes what is left of it the one after.
    pub(crate) fn advance(&mut self, operator: &mut dyn LinearOperator<T>) -> Result<(), Error> {
        let dim = self.basis[0].len();
        let size = self.size();
        let mut r = vec![T::ZERO; dim];
        operator.apply(&self.basis[size], &mut r)?;
        let (coefficients, norm) = orthogonalize(&self.team, &self.basis, &mut r);
        let alpha = coefficients[size];
        ObjectiveError::require_finite(Probe::HessianVector, alpha)?;
        ObjectiveError::require_finite(Probe::HessianVector, norm)?;
        if size > self.arrow.len() {
            self.off.push(self.next);
        }
        self.diagonal.push(alpha);
        self.scale = self.scale.max(alpha.abs()).max(norm);
        self.products += 1;
        self.run_length += 1;
        if self.complete() {
            self.next = 0.0;
        } else if norm <= 4.0 * epsilon::<T>() * self.scale {
            // The space is invariant: nothing couples it to what a fresh random vector finds.
            self.breakdowns += 1;
            self.run_length = 0;
            self.next = 0.0;
            let fresh = self.random_orthogonal();
            self.basis.push(fresh);
        } else {
            vector::scale(1.0 / norm, &mut r);
            self.next = norm;
            self.basis.push(r);
        }
        Ok(())
    }

    /// Ritz values in ascending order and the bound `|beta_m s_mi|` on the residual of each.
    pub(crate) fn ritz(&self) -> Result<(Vec<f64>, Vec<f64>), Error> {
        let eigen =
            if self.arrow.is_empty() { eigen::tridiagonal_last_row(&self.diagonal, &self.off)? } else { self.eigen()? };
        let bounds = eigen.vectors.iter().map(|s| (self.next * s[s.len() - 1]).abs()).collect();
        Ok((eigen.values, bounds))
    }

    /// The projected operator, before any restart.
    pub(crate) fn jacobi(&self) -> Jacobi {
        Jacobi { diagonal: self.diagonal.clone(), off: self.off.clone(), next: self.next }
    }

    /// Replaces the basis by the Ritz vectors numbered in `keep` (as `ritz` orders them) and goes on from there.
    ///
    /// Source: thick restart, Wu and Simon, SIAM J. Matrix Anal. Appl. 22 (2000).
    pub(crate) fn restart(&mut self, keep: &[usize]) -> Result<(), Error> {
        let Eigen { values, vectors } = self.eigen()?;
        let next = self.basis.split_off(self.size());
        let columns: Vec<Vec<f64>> = keep.iter().map(|&i| vectors[i].clone()).collect();
        rotate(&self.team, &mut self.basis, &columns);
        self.basis.extend(next);
        self.diagonal = keep.iter().map(|&i| values[i]).collect();
        self.arrow = columns.iter().map(|s| self.next * s[s.len() - 1]).collect();
        self.off.clear();
        Ok(())
    }

    /// The unit Ritz vectors numbered in `wanted`.
    pub(crate) fn into_vectors(mut self, wanted: &[usize]) -> Result<Vec<Vec<T>>, Error> {
        let Eigen { vectors, .. } = self.eigen()?;
        let columns: Vec<Vec<f64>> = wanted.iter().map(|&i| vectors[i].clone()).collect();
        self.basis.truncate(self.size());
        rotate(&self.team, &mut self.basis, &columns);
        for v in &mut self.basis {
            let norm = vector::norm(v);
            vector::scale(1.0 / norm, v);
        }
        Ok(self.basis)
    }

    fn eigen(&self) -> Result<Eigen, Error> {
        let (size, kept) = (self.size(), self.arrow.len());
        let mut matrix = vec![vec![0.0; size]; size];
        for (i, &element) in self.diagonal.iter().enumerate() {
            matrix[i][i] = element;
        }
        for (i, &element) in self.arrow.iter().enumerate() {
            (matrix[i][kept], matrix[kept][i]) = (element, element);
        }
        for (j, &element) in self.off.iter().enumerate() {
            let i = kept + j;
            (matrix[i][i + 1], matrix[i + 1][i]) = (element, element);
        }
        eigen::symmetric(matrix)
    }

    fn random_orthogonal(&mut self) -> Vec<T> {
        loop {
            self.seed = self.seed.wrapping_add(1);
            let mut fresh = unit_vector(self.seed, self.basis[0].len());
            let (_, norm) = orthogonalize(&self.team, &self.basis, &mut fresh);
            // Otherwise too little is left of it to be accurate.
            if norm > 1e-3 {
                vector::scale(1.0 / norm, &mut fresh);
                return fresh;
            }
        }
    }
}

pub(crate) fn epsilon<T: Real>() -> f64 {
    if T::NAME == "f32" { f64::from(f32::EPSILON) } else { f64::EPSILON }
}
