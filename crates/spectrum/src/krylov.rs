use onedge_objective::{Error as ObjectiveError, Probe};

use crate::chain::Chain;
use crate::eigen::{self, Eigen};
use crate::rounding::Rounding;
use crate::shares::Jacobi;
use crate::{Error, Space};

/// An orthonormal basis of Krylov spaces, the operator projected onto it, and the vectors that come next.
///
/// From one start this is Lanczos's method, and the projected matrix is tridiagonal. Fresh random vectors may join, each the start of
/// another chain: with several the method is block Lanczos, in which one vector at a time is multiplied.
pub(crate) struct Krylov<V, K> {
    /// The vectors multiplied, stored.
    basis: Vec<K>,
    /// `q_i . A q_j`, rows up to the diagonal.
    projected: Vec<Vec<f64>>,
    /// What products lead to beside the basis, the vector to multiply next last.
    pending: Vec<Pending<V>>,
    /// Whether each vector was coupled to the next one alone.
    tridiagonal: bool,
    /// What tells what is missing from the basis; none after a restart.
    chain: Option<Chain>,
    rounding: Rounding,
    /// Seed of the next random vector.
    seed: u64,
    dim: usize,
    /// The product of the start, where it is to be kept.
    first: First<V>,
    /// Products so far.
    pub(crate) products: usize,
    /// How often the space turned out to be invariant.
    pub(crate) breakdowns: usize,
}

/// A unit vector orthogonal to the basis and to the others that are pending, and `vector . A q_j` for the first vectors of the
/// basis; for the rest that is 0.
struct Pending<V> {
    vector: V,
    coupling: Vec<f64>,
}

/// Whether the first product is kept, and that.
enum First<V> {
    Dropped,
    Awaited,
    Kept(V),
}

impl<V, K> Krylov<V, K> {
    /// Starts from the unit vector `start` of `space`; random vectors that may be needed later come from `seed`.
    pub(crate) fn new<S: Space<Vector = V, Stored = K>>(space: &S, start: V, seed: u64) -> Self {
        let dim = space.dim();
        Self {
            dim,
            first: First::Dropped,
            chain: Some(Chain::new(Vec::new(), Vec::new(), dim, 1.0)),
            basis: Vec::new(),
            projected: Vec::new(),
            pending: vec![Pending { vector: start, coupling: Vec::new() }],
            tridiagonal: true,
            rounding: Rounding::new(space.epsilon()),
            seed,
            products: 0,
            breakdowns: 0,
        }
    }

    /// The same, with the product of the start kept as it comes.
    pub(crate) fn keeping_first(mut self) -> Self {
        self.first = First::Awaited;
        self
    }

    /// The product of the start, where it was to be kept.
    pub(crate) fn take_first(&mut self) -> Option<V> {
        match std::mem::replace(&mut self.first, First::Dropped) {
            First::Kept(product) => Some(product),
            First::Dropped | First::Awaited => None,
        }
    }

    /// The same, where only the share `share` of the start is random.
    pub(crate) fn with_random_share(mut self, share: f64) -> Self {
        self.chain = Some(Chain::new(Vec::new(), Vec::new(), self.dim, share));
        self
    }

    /// The number of vectors multiplied and still in the basis.
    pub(crate) fn size(&self) -> usize {
        self.basis.len()
    }

    /// Whether the basis spans the whole space.
    pub(crate) fn complete(&self) -> bool {
        self.size() == self.dim
    }

    /// What rounding may add to any eigenvalue found.
    pub(crate) fn rounding(&self) -> f64 {
        self.rounding.bound()
    }

    /// The chain that goes on now.
    pub(crate) fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    /// One product: multiplies the next vector and makes what is left of it the one after. Where nothing comes next that is a fresh
    /// random vector; once the basis is complete there is none.
    pub(crate) fn advance<S: Space<Vector = V, Stored = K>>(&mut self, space: &mut S) -> Result<(), Error> {
        if self.pending.is_empty() {
            self.begin_chain(space)?;
        }
        let Some(Pending { vector: next, coupling: mut row }) = self.pending.pop() else { return Ok(()) };
        self.chain = self.chain.take().filter(|chain| !chain.ended());
        let size = self.size();
        let mut r = space.apply(&next)?;
        if matches!(self.first, First::Awaited) {
            self.first = First::Kept(space.copy(&r)?);
        }
        self.basis.push(space.store(next)?);
        let (coefficients, norm) = space.orthogonalize_stored(&all(&self.basis), &mut r)?;
        let alpha = ObjectiveError::require_finite(Probe::HessianVector, coefficients[size])?;
        ObjectiveError::require_finite(Probe::HessianVector, norm)?;
        row.resize(size, 0.0);
        self.rounding.met(alpha.abs().max(norm));
        row.iter().zip(&coefficients).for_each(|(a, b)| self.rounding.differs(a - b));
        row.push(alpha);
        self.projected.push(row);
        self.products += 1;
        let ended = norm <= 4.0 * self.rounding.epsilon() * self.rounding.scale() || self.complete();
        if let Some(chain) = &mut self.chain {
            chain.push(alpha, if ended { 0.0 } else { norm });
        }
        if self.complete() {
            self.pending.clear();
        } else if !ended {
            space.scale(1.0 / norm, &mut r)?;
            let mut coupling = vec![0.0; size + 1];
            coupling[size] = norm;
            self.push_pending(space, Pending { vector: r, coupling })?;
        } else if self.pending.is_empty() {
            self.breakdowns += 1;
        }
        Ok(())
    }

    /// A chain from a random vector orthogonal to the basis is what goes on from here; nothing if that is complete.
    pub(crate) fn begin_chain<S: Space<Vector = V, Stored = K>>(&mut self, space: &mut S) -> Result<(), Error> {
        if !self.complete() {
            let (known, leaving) = (full(&self.projected), self.leaving());
            self.chain = Some(Chain::new(known, leaving, self.dim - self.size(), 1.0));
            self.tridiagonal &= self.pending.is_empty();
            let vector = self.random_orthogonal(space)?;
            self.push_pending(space, Pending { vector, coupling: Vec::new() })?;
        }
        Ok(())
    }

    /// Goes on with the pending vector that the Ritz vector numbered `i` leads to most.
    pub(crate) fn turn_to(&mut self, i: usize) -> Result<(), Error> {
        if self.pending.len() < 2 {
            return Ok(());
        }
        let Eigen { vectors, .. } = self.eigen()?;
        let part = |pending: &Pending<V>| dot(&pending.coupling, &vectors[i]).abs();
        let parts: Vec<f64> = self.pending.iter().map(part).collect();
        let best = (0..parts.len()).max_by(|&a, &b| parts[a].total_cmp(&parts[b])).unwrap_or(0);
        if best + 1 < parts.len() {
            let chosen = self.pending.remove(best);
            self.pending.push(chosen);
            self.chain = None;
        }
        Ok(())
    }

    /// Ritz values in ascending order and the residual of each, up to rounding.
    pub(crate) fn ritz(&self) -> Result<(Vec<f64>, Vec<f64>), Error> {
        if self.tridiagonal {
            let (diagonal, off) = self.diagonals();
            let eigen = eigen::tridiagonal_last_row(&diagonal, &off)?;
            let next = self.next();
            let bounds = eigen.vectors.iter().map(|s| (next * s[s.len() - 1]).abs()).collect();
            return Ok((eigen.values, bounds));
        }
        let Eigen { values, vectors } = self.eigen()?;
        let bound = |s: &Vec<f64>| self.pending.iter().map(|p| dot(&p.coupling, s).powi(2)).sum::<f64>().sqrt();
        let bounds = vectors.iter().map(bound).collect();
        Ok((values, bounds))
    }

    /// The projected operator, before any restart or second start.
    pub(crate) fn jacobi(&self) -> Jacobi {
        let (diagonal, off) = self.diagonals();
        Jacobi { diagonal, off, next: self.next() }
    }

    /// Replaces the basis by the Ritz vectors numbered in `keep` (as `ritz` orders them) and goes on from there.
    ///
    /// Source: thick restart, Wu and Simon, SIAM J. Matrix Anal. Appl. 22 (2000).
    pub(crate) fn restart<S: Space<Vector = V, Stored = K>>(
        &mut self,
        space: &mut S,
        keep: &[usize],
    ) -> Result<(), Error> {
        let Eigen { values, vectors } = self.eigen()?;
        let columns: Vec<Vec<f64>> = keep.iter().map(|&i| vectors[i].clone()).collect();
        space.rotate(&mut self.basis, &columns)?;
        for pending in &mut self.pending {
            pending.coupling = columns.iter().map(|s| dot(&pending.coupling, s)).collect();
        }
        let row = |(i, &number): (usize, &usize)| {
            let mut row = vec![0.0; i + 1];
            row[i] = values[number];
            row
        };
        self.projected = keep.iter().enumerate().map(row).collect();
        (self.tridiagonal, self.chain) = (false, None);
        Ok(())
    }

    /// The unit Ritz vectors numbered in `wanted`.
    pub(crate) fn into_vectors<S: Space<Vector = V, Stored = K>>(
        mut self,
        space: &mut S,
        wanted: &[usize],
    ) -> Result<Vec<V>, Error> {
        let Eigen { vectors, .. } = self.eigen()?;
        let columns: Vec<Vec<f64>> = wanted.iter().map(|&i| vectors[i].clone()).collect();
        space.rotate(&mut self.basis, &columns)?;
        let unit = |stored| {
            let mut v = space.take(stored)?;
            let norm = space.norm(&v)?;
            space.scale(1.0 / norm, &mut v)?;
            Ok(v)
        };
        self.basis.into_iter().map(unit).collect()
    }

    /// The product with the unit Ritz vector of the largest value, of length 1: a step of the power iteration onwards, for nothing.
    pub(crate) fn onwards<S: Space<Vector = V, Stored = K>>(&self, space: &mut S) -> Result<V, Error> {
        let Eigen { values, vectors } = self.eigen()?;
        let (Some(value), Some(s)) = (values.last(), vectors.last()) else {
            return Err(Error::Projected { size: 0 });
        };
        let shares: Vec<f64> = s.iter().map(|share| value * share).collect();
        let inside = space.combine_stored(&shares, &all(&self.basis))?;
        let leaving = self.pending.iter().map(|pending| (dot(&pending.coupling, s), &pending.vector));
        let (coefficients, parts): (Vec<f64>, Vec<&V>) = [(1.0, &inside)].into_iter().chain(leaving).unzip();
        let mut sum = space.combine(&coefficients, &parts)?;
        let norm = space.norm(&sum)?;
        space.scale(1.0 / norm, &mut sum)?;
        Ok(sum)
    }

    fn eigen(&self) -> Result<Eigen, Error> {
        eigen::symmetric(full(&self.projected))
    }

    /// The diagonal of the projected matrix and what lies beside it.
    fn diagonals(&self) -> (Vec<f64>, Vec<f64>) {
        let rows = || self.projected.iter().enumerate();
        (rows().map(|(i, row)| row[i]).collect(), rows().skip(1).map(|(i, row)| row[i - 1]).collect())
    }

    /// The coupling of the last vector to the one that comes next.
    fn next(&self) -> f64 {
        self.pending.last().and_then(|pending| pending.coupling.last()).copied().unwrap_or(0.0)
    }

    /// `W' W`, where `A Q = Q H + W` for the basis Q and the projected matrix H.
    fn leaving(&self) -> Vec<Vec<f64>> {
        let size = self.size();
        let mut square = vec![vec![0.0; size]; size];
        for coupling in self.pending.iter().map(|pending| &pending.coupling) {
            for (i, a) in coupling.iter().enumerate() {
                coupling.iter().enumerate().for_each(|(j, b)| square[i][j] += a * b);
            }
        }
        square
    }

    /// Makes `first` what comes next, and the others that are pending orthogonal to it. Their couplings are kept: what products lead
    /// to is the sum of all `vector coupling'`, whatever vectors it is written in.
    fn push_pending<S: Space<Vector = V, Stored = K>>(
        &mut self,
        space: &mut S,
        first: Pending<V>,
    ) -> Result<(), Error> {
        let least = 4.0 * self.rounding.epsilon();
        let mut done = vec![first];
        for Pending { mut vector, coupling } in std::mem::take(&mut self.pending) {
            let others: Vec<&V> = done.iter().map(|pending| &pending.vector).collect();
            let (parts, left) = space.orthogonalize(&others, &mut vector)?;
            if left > least && left < 1e-2 {
                // Much of what is left may be rounding.
                let norm = space.norm(&vector)?;
                space.scale(1.0 / norm, &mut vector)?;
                space.orthogonalize_stored(&all(&self.basis), &mut vector)?;
                let norm = space.norm(&vector)?;
                space.scale(1.0 / norm, &mut vector)?;
                space.orthogonalize(&others, &mut vector)?;
            }
            for (pending, part) in done.iter_mut().zip(parts) {
                pending.coupling.resize(pending.coupling.len().max(coupling.len()), 0.0);
                pending.coupling.iter_mut().zip(&coupling).for_each(|(sum, c)| *sum += part * c);
            }
            if left > least {
                let norm = space.norm(&vector)?;
                space.scale(1.0 / norm, &mut vector)?;
                done.push(Pending { vector, coupling: coupling.iter().map(|c| left * c).collect() });
            }
        }
        done.rotate_left(1);
        self.pending = done;
        Ok(())
    }

    fn random_orthogonal<S: Space<Vector = V, Stored = K>>(&mut self, space: &mut S) -> Result<V, Error> {
        loop {
            self.seed = self.seed.wrapping_add(1);
            let mut fresh = space.random(self.seed)?;
            let (_, norm) = space.orthogonalize_stored(&all(&self.basis), &mut fresh)?;
            // Otherwise too little is left of it to be accurate.
            if norm > 1e-3 {
                space.scale(1.0 / norm, &mut fresh)?;
                return Ok(fresh);
            }
            ObjectiveError::require_finite(Probe::Sample, norm)?;
        }
    }
}

/// A symmetric matrix from its rows up to the diagonal.
pub(crate) fn full(lower: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let element = |i: usize, j: usize| if j <= i { lower[i][j] } else { lower[j][i] };
    (0..lower.len()).map(|i| (0..lower.len()).map(|j| element(i, j)).collect()).collect()
}

/// All vectors, as they are handed to a space.
pub(crate) fn all<V>(vectors: &[V]) -> Vec<&V> {
    vectors.iter().collect()
}

/// `a . b` over the elements that both have.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
