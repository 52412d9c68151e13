use onedge_objective::{Error as ObjectiveError, Probe, Real, vector};

use crate::basis::{Team, orthogonalize, rotate};
use crate::eigen::{self, Eigen};
use crate::sampling::stream;
use crate::seeded::unit_vector;
use crate::{Error, LinearOperator};

/// The settings of a [`SubspaceTracker`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subspace {
    /// How many of the largest eigenvalues.
    pub k: usize,
    /// A value is known once the estimate of its error is at most this share of it.
    pub tolerance: f64,
    /// Products to spend on one measurement at most, `k` or more.
    pub max_products: usize,
    /// Seed of the first vectors.
    pub seed: u64,
    /// Threads that work on the vectors beside those of the operator; they change no bit.
    pub threads: usize,
}

/// What one measurement found.
#[derive(Debug, Clone, PartialEq)]
pub struct SubspaceSpectrum {
    /// The largest eigenvalues, largest first.
    pub values: Vec<f64>,
    /// `|A v - value v|` of each.
    pub residuals: Vec<f64>,
    /// Whether every error estimate met the tolerance before the products ran out.
    pub converged: bool,
    /// Products used.
    pub products: usize,
}

/// Follows the `k` largest eigenvalues of an operator that changes little from one measurement to the next.
///
/// Each measurement multiplies the vectors of the last once (k products) and takes Ritz values. If they are not settled it goes on
/// as LOBPCG: Ritz values on the span of the vectors X, their residuals R and the last changes P, one product for each residual that
/// is not small. At the end X is multiplied once more by what is known already, `A X`, made orthonormal: a step of subspace iteration
/// for nothing.
///
/// The error of a value is estimated as `r^2 / max(r, gap)`, r the residual and gap the distance to what is outside of the span, guessed
/// half a mean spacing under the last value. Like any
/// method that starts from its last answer it can miss a direction that has become large without any part in it; rounding and the
/// operator's own change bring one in.
///
/// Source: Knyazev, SIAM J. Sci. Comput. 23 (2001); Parlett, *The Symmetric Eigenvalue Problem*, 1980, section 11.7 for the
/// estimate.
#[derive(Debug)]
pub struct SubspaceTracker<T> {
    options: Subspace,
    team: Team,
    vectors: Vec<Vec<T>>,
}

impl<T: Real> SubspaceTracker<T> {
    /// Nothing measured yet, for operators of dimension `dim`.
    ///
    /// # Errors
    /// Numbers out of range.
    pub fn new(options: Subspace, dim: usize) -> Result<Self, Error> {
        let Subspace { k, tolerance, max_products, .. } = options;
        Error::require_dimension(dim)?;
        Error::require_option(k > 0, "k", "1 or more", k)?;
        Error::require_option(max_products >= k, "max_products", format!("{k} or more"), max_products)?;
        Error::require_option(tolerance > 0.0 && tolerance < 1.0, "tolerance", "a number between 0 and 1", tolerance)?;
        Ok(Self { options, team: Team::new(options.threads, dim)?, vectors: Vec::new() })
    }

    /// The settings of every measurement.
    pub fn options(&self) -> &Subspace {
        &self.options
    }

    /// The eigenvectors last found, largest value first; before that, empty.
    pub fn vectors(&self) -> &[Vec<T>] {
        &self.vectors
    }

    /// Puts vectors back, those of an earlier measurement or of [`lanczos`](crate::lanczos()).
    pub fn restore(&mut self, vectors: Vec<Vec<T>>) {
        self.vectors = vectors;
    }

    /// Measures the spectrum of `operator`.
    ///
    /// # Errors
    /// A product that is not finite; an operator of another dimension.
    ///
    /// Cost: `k` products, and up to `k` for each further round; memory for `6 k` vectors.
    pub fn measure(&mut self, operator: &mut dyn LinearOperator<T>) -> Result<SubspaceSpectrum, Error> {
        let (dim, k) = (operator.dim(), self.options.k.min(operator.dim()));
        let mut span = Span::default();
        for vector in std::mem::take(&mut self.vectors) {
            ObjectiveError::require_length("vector", dim, vector.len())?;
            span.add(&self.team, vector);
        }
        for i in 0.. {
            if span.vectors.len() >= k {
                break;
            }
            span.add(&self.team, unit_vector(stream(self.options.seed, i), dim));
        }
        let mut products = 0;
        loop {
            products += span.multiply(operator)?;
            let Eigen { values, vectors } = eigen::symmetric(span.projected())?;
            let order: Vec<usize> = (0..values.len()).rev().take(k).collect();
            let columns: Vec<Vec<f64>> = order.iter().map(|&i| vectors[i].clone()).collect();
            let values: Vec<f64> = order.iter().map(|&i| values[i]).collect();
            let moved = span.collapse(&self.team, &columns, k);
            let residuals = span.residuals(&values);
            let norms: Vec<f64> = residuals.iter().map(|residual| vector::norm(residual)).collect();
            let open: Vec<usize> =
                (0..k).filter(|&i| error(&values, &norms, i) > self.options.tolerance * values[i].abs()).collect();
            let spent = products + open.len() > self.options.max_products || span.vectors.len() == dim;
            if open.is_empty() || spent {
                let converged = open.is_empty();
                self.vectors = span.advanced(&self.team);
                return Ok(SubspaceSpectrum { values, residuals: norms, converged, products });
            }
            let mut residuals = residuals;
            for &i in &open {
                span.add(&self.team, std::mem::take(&mut residuals[i]));
            }
            span.extend_known(&self.team, moved);
        }
    }
}

/// An estimate of the error of value `i` from its residual. Ritz values are exact but for what is outside of the span, where no
/// eigenvalue is larger than the next one, which is guessed half a mean spacing under the last.
fn error(values: &[f64], residuals: &[f64], i: usize) -> f64 {
    let (first, last) = (values[0], values[values.len() - 1]);
    let spacing = if values.len() > 1 { (first - last) / (values.len() - 1) as f64 } else { first.abs() };
    let gap = values[i] - (last - 0.5 * spacing);
    residuals[i] * residuals[i] / residuals[i].max(gap).max(f64::MIN_POSITIVE)
}

/// Orthonormal vectors, and the products of the first of them.
struct Span<T> {
    vectors: Vec<Vec<T>>,
    products: Vec<Vec<T>>,
}

impl<T> Default for Span<T> {
    fn default() -> Self {
        Self { vectors: Vec::new(), products: Vec::new() }
    }
}

impl<T: Real> Span<T> {
    /// Adds what is left of `vector` beside the others, unless that is rounding.
    fn add(&mut self, team: &Team, mut vector: Vec<T>) {
        let before = vector::norm(&vector);
        let (_, norm) = orthogonalize(team, &self.vectors, &mut vector);
        if norm > 1e-4 * before && before > 0.0 {
            vector::scale(1.0 / norm, &mut vector);
            // Once more: what was left may have been small.
            let (_, norm) = orthogonalize(team, &self.vectors, &mut vector);
            vector::scale(1.0 / norm, &mut vector);
            self.vectors.push(vector);
        }
    }

    /// Multiplies the vectors that have no product yet; returns how many.
    fn multiply(&mut self, operator: &mut dyn LinearOperator<T>) -> Result<usize, Error> {
        let before = self.products.len();
        for vector in &self.vectors[before..] {
            let mut product = vec![T::ZERO; vector.len()];
            operator.apply(vector, &mut product)?;
            ObjectiveError::require_finite(Probe::HessianVector, vector::norm(&product))?;
            self.products.push(product);
        }
        Ok(self.vectors.len() - before)
    }

    /// The operator on the span.
    fn projected(&self) -> Vec<Vec<f64>> {
        // By rows up to the diagonal, so that the matrix is symmetric whatever rounding does to the products.
        let lower: Vec<Vec<f64>> = self
            .vectors
            .iter()
            .enumerate()
            .map(|(i, vector)| self.products[..=i].iter().map(|product| vector::dot(vector, product)).collect())
            .collect();
        let element = |i: usize, j: usize| if j <= i { lower[i][j] } else { lower[j][i] };
        let size = lower.len();
        (0..size).map(|i| (0..size).map(|j| element(i, j)).collect()).collect()
    }

    /// Replaces the span by its combinations `columns`. Returns the part of each beyond the first `k` vectors, with its product: the
    /// direction of the last change.
    fn collapse(&mut self, team: &Team, columns: &[Vec<f64>], k: usize) -> Vec<(Vec<T>, Vec<T>)> {
        let mut moved = Vec::new();
        if self.vectors.len() > k {
            let beyond = |column: &Vec<f64>, of: &[Vec<T>]| {
                let mut sum = vec![T::ZERO; of[0].len()];
                for (coefficient, vector) in column.iter().zip(of).skip(k) {
                    vector::axpy(*coefficient, vector, &mut sum);
                }
                sum
            };
            moved = columns.iter().map(|c| (beyond(c, &self.vectors), beyond(c, &self.products))).collect();
        }
        rotate(team, &mut self.vectors, columns);
        rotate(team, &mut self.products, columns);
        moved
    }

    /// `A v - value v` of each vector.
    fn residuals(&self, values: &[f64]) -> Vec<Vec<T>> {
        let residual = |((product, vector), value): ((&Vec<T>, &Vec<T>), &f64)| {
            let mut residual = product.clone();
            vector::axpy(-value, vector, &mut residual);
            residual
        };
        self.products.iter().zip(&self.vectors).zip(values).map(residual).collect()
    }

    /// Adds vectors whose products are known: what is made of them has the same combination of the products. They go before the
    /// vectors that are still to be multiplied.
    fn extend_known(&mut self, team: &Team, known: Vec<(Vec<T>, Vec<T>)>) {
        for (mut vector, mut product) in known {
            let before = vector::norm(&vector);
            let multiplied = self.products.len();
            let (coefficients, norm) = orthogonalize(team, &self.vectors[..multiplied], &mut vector);
            if norm <= 1e-3 * before || before == 0.0 {
                continue;
            }
            for (coefficient, other) in coefficients.iter().zip(&self.products) {
                vector::axpy(-coefficient, other, &mut product);
            }
            vector::scale(1.0 / norm, &mut vector);
            vector::scale(1.0 / norm, &mut product);
            // The new ones must be orthogonal to it, too.
            let fresh = self.vectors.split_off(multiplied);
            self.vectors.push(vector);
            self.products.push(product);
            for vector in fresh {
                self.add(team, vector);
            }
        }
    }

    /// The vectors after a step of subspace iteration.
    fn advanced(self, team: &Team) -> Vec<Vec<T>> {
        let mut next = Self::default();
        for (product, vector) in self.products.into_iter().zip(self.vectors) {
            let count = next.vectors.len();
            next.add(team, product);
            if next.vectors.len() == count {
                next.add(team, vector);
            }
        }
        next.vectors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::samples::reflected;

    const OPTIONS: Subspace = Subspace { k: 4, tolerance: 1e-3, max_products: 400, seed: 3, threads: 1 };

    /// A spectrum with a few large values over a bulk; `drift` changes it.
    fn spectrum(drift: f64) -> Vec<f64> {
        let outlier = |i: usize| 40.0 / (1.0 + i as f64) + drift * (i as f64 + 1.0).sin();
        (0..300).map(|i| if i < 8 { outlier(i) } else { (i as f64 * 0.37).sin() }).collect()
    }

    #[test]
    fn finds_the_largest_values_from_nothing() {
        let (mut a, vectors) = reflected(&spectrum(0.0));
        let mut tracker = SubspaceTracker::new(Subspace { tolerance: 1e-9, ..OPTIONS }, 300).unwrap();
        let found = tracker.measure(&mut a).unwrap();
        assert!(found.converged, "{found:?}");
        for (i, value) in found.values.iter().enumerate() {
            assert!((value - 40.0 / (1.0 + i as f64)).abs() < 1e-6, "{found:?}");
            assert!(vector::dot(&tracker.vectors()[i], &vectors[i]).abs() > 1.0 - 1e-6);
        }
    }

    #[test]
    fn following_costs_one_product_for_each_value() {
        let mut tracker = SubspaceTracker::new(OPTIONS, 300).unwrap();
        tracker.measure(&mut reflected(&spectrum(0.0)).0).unwrap();
        let (mut products, mut worst) = (0, 0.0_f64);
        for step in 1..=20 {
            let drift = 0.02 * f64::from(step);
            let found = tracker.measure(&mut reflected(&spectrum(drift)).0).unwrap();
            products += found.products;
            let mut exact = spectrum(drift);
            exact.sort_by(|a, b| b.total_cmp(a));
            worst = found.values.iter().zip(&exact).map(|(a, b)| (a / b - 1.0).abs()).fold(worst, f64::max);
        }
        assert!(worst < 1e-3 && products <= 20 * 5, "{worst} {products}");
    }

    #[test]
    fn says_when_products_ran_out_and_knows_small_spaces() {
        let (mut a, _) = reflected(&spectrum(0.0));
        let mut tracker = SubspaceTracker::new(Subspace { max_products: 4, ..OPTIONS }, 300).unwrap();
        let found = tracker.measure(&mut a).unwrap();
        assert!(!found.converged && found.products == 4);
        let (mut small, _) = reflected(&[2.0, -1.0]);
        let mut tracker = SubspaceTracker::new(OPTIONS, 2).unwrap();
        let found = tracker.measure(&mut small).unwrap();
        assert!((found.values[0] - 2.0).abs() < 1e-12 && (found.values[1] + 1.0).abs() < 1e-12);
        assert!(SubspaceTracker::<f64>::new(Subspace { k: 0, ..OPTIONS }, 2).is_err());
    }
}
