use onedge_objective::{Error as ObjectiveError, Real, vector};

use crate::krylov::Krylov;
use crate::seeded::unit_vector;
use crate::{Error, LinearOperator};

/// The length of the random part added to a given start, relative to the start. On spectra with a gap of 1 to 3 % at
/// the top, 0.1 let a start on the second eigenvector pass for the first, 0.3 did not, for two products more.
const RANDOM_SHARE: f64 = 0.3;
/// Convergence is not believed before this many products have followed a random vector. Of 720 measurements along 72 runs of small
/// networks 4 left two more than 0.5 % low (0.6 % and 10 %), 5 and 6 one (4 %); of 90 others 4 left one low by 15 %, 5 and 6 none. 6 costs
/// 0.6 products a measurement more than 5, which costs 0.5 more than 4.
const SETTLED: usize = 5;
/// How far the residual may exceed the error that is allowed: a residual says whether the vector is one of the operator's,
/// and the error of a value is far smaller.
const LOOSE: f64 = 10.0;

/// Which eigenvalues are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The k largest.
    Algebraic,
    /// The k of largest absolute value.
    Magnitude,
    /// Both; a pair that is wanted twice is held once.
    Both,
}

/// The settings of [`lanczos()`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lanczos {
    /// How many eigenvalues of each wanted kind.
    pub k: usize,
    /// Which.
    pub wanted: Wanted,
    /// A pair has converged once the estimate of its error is at most this share of its absolute value, and its residual bound at
    /// most ten times that.
    pub tolerance: f64,
    /// Products to spend at most.
    pub max_products: usize,
    /// Vectors to hold at most, at least `4 k + 4`; beyond that the iteration restarts from the best Ritz vectors.
    pub max_basis: usize,
    /// Seed of all random vectors.
    pub seed: u64,
    /// Threads that work on the basis, beside those of the operator; they change no bit.
    pub threads: usize,
}

impl Lanczos {
    /// The `k` largest eigenvalues of both kinds to an estimated error of 1e-3 of their size, in at most 300 products and
    /// `max(64, 4 k + 4)` vectors, on one thread.
    pub fn top(k: usize, seed: u64) -> Self {
        let max_basis = (4 * k + 4).max(64);
        Self { k, wanted: Wanted::Both, tolerance: 1e-3, max_products: 300, max_basis, seed, threads: 1 }
    }

    fn check(&self, dim: usize) -> Result<(), Error> {
        Error::require_dimension(dim)?;
        Error::require_products(self.max_products)?;
        Error::require_option(self.k > 0, "k", "1 or more", self.k)?;
        let tolerance = self.tolerance > 0.0 && self.tolerance < 1.0;
        Error::require_option(tolerance, "tolerance", "a number between 0 and 1", self.tolerance)?;
        let least = 4 * self.k.min(dim) + 4;
        Error::require_option(self.max_basis >= least, "max_basis", format!("{least} or more"), self.max_basis)
    }

    /// Numbers of the wanted Ritz values among `values` (ascending): algebraic and magnitude, each best first.
    fn choose(&self, values: &[f64], count: usize) -> (Vec<usize>, Vec<usize>) {
        let mut algebraic: Vec<usize> = (0..values.len()).rev().collect();
        let mut magnitude = algebraic.clone();
        magnitude.sort_by(|&i, &j| values[j].abs().total_cmp(&values[i].abs()));
        algebraic.truncate(if self.wanted == Wanted::Magnitude { 0 } else { count });
        magnitude.truncate(if self.wanted == Wanted::Algebraic { 0 } else { count });
        (algebraic, magnitude)
    }
}

/// An eigenvalue with its vector and what is known about its error.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpair<T> {
    /// The eigenvalue.
    pub value: f64,
    /// Its unit eigenvector; the sign is arbitrary.
    pub vector: Vec<T>,
    /// `|beta_m s_mi|`: up to rounding, `r = |Av - value v|`, and some eigenvalue lies this close to `value`.
    pub residual_bound: f64,
    /// An estimate of the error of the value, `r^2 / gap` or r, whichever is smaller; the gap is that to the next Ritz value
    /// less the residual of that one.
    pub error_estimate: f64,
    /// Whether bound and estimate met the tolerance before the products ran out.
    pub converged: bool,
}

/// What [`lanczos()`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum<T> {
    /// Every wanted pair once, largest value first.
    pub pairs: Vec<Eigenpair<T>>,
    /// Products used.
    pub products: usize,
    algebraic: Vec<usize>,
    magnitude: Vec<usize>,
}

impl<T> Spectrum<T> {
    /// The pairs of largest value, largest first; none if only magnitude was wanted.
    pub fn algebraic(&self) -> impl Iterator<Item = &Eigenpair<T>> {
        self.algebraic.iter().map(|&i| &self.pairs[i])
    }

    /// The pairs of largest absolute value, largest first; none if only the largest values were wanted.
    pub fn magnitude(&self) -> impl Iterator<Item = &Eigenpair<T>> {
        self.magnitude.iter().map(|&i| &self.pairs[i])
    }

    /// The pair of largest value: sharpness and its direction. `None` if only magnitude was wanted.
    pub fn largest(&self) -> Option<&Eigenpair<T>> {
        self.algebraic().next()
    }

    /// The pair of largest absolute value. `None` if only the largest values were wanted.
    pub fn dominant(&self) -> Option<&Eigenpair<T>> {
        self.magnitude().next()
    }

    /// Whether every pair converged.
    pub fn converged(&self) -> bool {
        self.pairs.iter().all(|pair| pair.converged)
    }
}

/// The ends of the spectrum of a symmetric operator, by Lanczos with full reorthogonalisation done twice.
///
/// `start`, if given, is where the iteration begins, a random vector of 0.3 times its length added: the eigenvector of
/// a nearby operator saves products. Fewer than `k` pairs come back only if the dimension is smaller. An eigenvalue of multiplicity
/// m > 1 counts once, unless the products suffice to find a whole invariant subspace; then further copies
/// are looked for from fresh random vectors.
///
/// **When it stops.** A value with the residual r and the distance gap from the rest of the spectrum is wrong by `r^2 / gap` at
/// most, and by r whatever the gap. The gap is not known; that to the next Ritz value, less the residual of that one, stands in
/// for it. A pair has converged once this estimate is at most `tolerance` of the value and r at most ten times that. A vector is
/// wrong by about `r / gap`: by 0.05 with a tolerance of 1e-3 and a gap of a fifth of the value. What depends on it wants a
/// smaller tolerance.
///
/// Convergence means that the pair is one of the operator to within its bound, not that no larger one exists. For a few
/// products the second eigenvalue can pass for the first, if it is near or the start has little of the first. The products that
/// are always taken are no proof. The example `tracking` compares measurements along runs with the exact values.
///
/// # Errors
/// Options out of range, a start of the wrong length or not finite, a product that is not finite.
///
/// Cost: one product a step; memory for `max_basis + 2` vectors.
///
/// Source: Lanczos 1950; reorthogonalisation as in Parlett, *The Symmetric Eigenvalue Problem*, 1980, chapter 13.
///
/// ```
/// use onedge_spectrum::{Dense, Lanczos, lanczos};
/// let mut a = Dense::diagonal(&[1.0, -7.0, 3.0]);
/// let spectrum = lanczos(&mut a, &Lanczos::top(1, 0), None)?;
/// assert!((spectrum.largest().unwrap().value - 3.0).abs() < 1e-12);
/// assert!((spectrum.dominant().unwrap().value + 7.0).abs() < 1e-12);
/// # Ok::<(), onedge_spectrum::Error>(())
/// ```
pub fn lanczos<T: Real>(
    operator: &mut dyn LinearOperator<T>,
    options: &Lanczos,
    start: Option<&[T]>,
) -> Result<Spectrum<T>, Error> {
    let dim = operator.dim();
    options.check(dim)?;
    let k = options.k.min(dim);
    let mut krylov = Krylov::new(first_vector(dim, options.seed, start)?, options.seed, options.threads)?;
    loop {
        krylov.advance(operator)?;
        let (values, bounds) = krylov.ritz()?;
        // A random vector finds one copy of each eigenvalue before it breaks down, so k of them find the top k.
        let certain = krylov.complete() || krylov.breakdowns >= k;
        let settled = certain || krylov.run_length >= SETTLED.min(dim);
        let estimate = |i: usize| error_estimate(&values, &bounds, i);
        let converged = |i: usize| {
            let allowed = options.tolerance * values[i].abs();
            settled && estimate(i) <= allowed && bounds[i] <= LOOSE * allowed
        };
        let (algebraic, magnitude) = options.choose(&values, k);
        let mut wanted: Vec<usize> = algebraic.iter().chain(&magnitude).copied().collect();
        wanted.sort_unstable_by(|i, j| j.cmp(i));
        wanted.dedup();
        let done = krylov.size() >= k && (certain || wanted.iter().all(|&i| converged(i)));
        if done || krylov.products >= options.max_products {
            let position = |i: &usize| wanted.iter().position(|w| w == i).unwrap_or_default();
            let (algebraic, magnitude) =
                (algebraic.iter().map(position).collect(), magnitude.iter().map(position).collect());
            let products = krylov.products;
            let pair = |(&i, vector): (&usize, Vec<T>)| Eigenpair {
                value: values[i],
                vector,
                residual_bound: bounds[i],
                error_estimate: estimate(i),
                converged: converged(i),
            };
            let pairs = wanted.iter().zip(krylov.into_vectors(&wanted)?).map(pair).collect();
            return Ok(Spectrum { pairs, products, algebraic, magnitude });
        }
        if krylov.size() == options.max_basis {
            krylov.restart(&kept(options, &values))?;
        }
    }
}

/// An estimate of the error of Ritz value `i`, of values in ascending order: `r^2 / gap`, or r where that is less. A neighbour is
/// where its own residual allows it to be, so one that is not known yet leaves no gap.
///
/// Source: Parlett, *The Symmetric Eigenvalue Problem*, 1980, section 11.7.
fn error_estimate(values: &[f64], residuals: &[f64], i: usize) -> f64 {
    let neighbours = [i.checked_sub(1), Some(i + 1)].into_iter().flatten().filter(|&j| j < values.len());
    let gap = neighbours.map(|j| (values[i] - values[j]).abs() - residuals[j]).fold(f64::INFINITY, f64::min);
    // Of one value alone nothing is known.
    let gap = if gap.is_finite() { gap } else { 0.0 };
    residuals[i] * residuals[i] / gap.max(residuals[i]).max(f64::MIN_POSITIVE)
}

/// The Ritz values to restart from: the wanted ones and some of their neighbours.
fn kept(options: &Lanczos, values: &[f64]) -> Vec<usize> {
    let count = options.k + (options.max_basis - 2 * options.k) / 8;
    let (algebraic, magnitude) = options.choose(values, count);
    let mut keep: Vec<usize> = algebraic.into_iter().chain(magnitude).collect();
    keep.sort_unstable();
    keep.dedup();
    keep
}

fn first_vector<T: Real>(dim: usize, seed: u64, start: Option<&[T]>) -> Result<Vec<T>, Error> {
    let mut v: Vec<T> = unit_vector(seed, dim);
    let Some(start) = start else { return Ok(v) };
    ObjectiveError::require_length("start", dim, start.len())?;
    let length = vector::norm(start);
    Error::require_option(length.is_finite(), "start", "finite numbers", length)?;
    if length > 0.0 {
        vector::scale(RANDOM_SHARE, &mut v);
        vector::axpy(1.0 / length, start, &mut v);
        let norm = vector::norm(&v);
        vector::scale(1.0 / norm, &mut v);
    }
    Ok(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_estimated_by_the_nearer_neighbour() {
        let (values, residuals) = ([1.0, 4.0, 6.0], [0.5, 0.25, 1.0]);
        // 1/4 over 4 - 1 - 1/4, 1/16 over 6 - 4 - 1, and 1 over 6 - 4 - 1/4.
        assert_eq!([0, 1, 2].map(|i| error_estimate(&values, &residuals, i)), [0.25 / 2.75, 0.0625, 1.0 / 1.75]);
        // A neighbour that may be anywhere.
        assert_eq!(error_estimate(&values, &[0.5, 0.25, 7.0], 1), 0.25);
        assert_eq!(error_estimate(&[2.0], &[0.5], 0), 0.5);
        assert_eq!(error_estimate(&[2.0, 2.0], &[0.0, 0.0], 0), 0.0);
    }
}
