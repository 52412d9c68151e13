use onedge_objective::{Error as ObjectiveError, Probe, Real, vector};

use crate::rounding::{Rounding, epsilon};
use crate::{Error, LinearOperator, seeded::unit_vector};

/// When a power iteration has converged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Until {
    /// The estimate changed by at most this share of itself: the usual rule, but no bound on the error.
    Change(f64),
    /// `|Av - value v|` is at most this share of the value's size: the rule of [`lanczos`](crate::lanczos()).
    Residual(f64),
}

impl Until {
    fn tolerance(self) -> f64 {
        match self {
            Self::Change(share) | Self::Residual(share) => share,
        }
    }
}

/// The settings of a power iteration, the baseline for [`lanczos`](crate::lanczos()).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerIteration {
    /// Products to spend at most.
    pub max_products: usize,
    /// When to stop before that.
    pub until: Until,
    /// Seed of the starting vector.
    pub seed: u64,
}

impl PowerIteration {
    /// Up to 1000 steps, stopped at a relative change of 1e-3.
    ///
    /// Source: Roulet et al. 2024, arXiv 2407.06183, appendix on experiments.
    pub fn paper(seed: u64) -> Self {
        Self { max_products: 1000, until: Until::Change(1e-3), seed }
    }
}

/// What a power iteration found.
#[derive(Debug, Clone, PartialEq)]
pub struct Power<T> {
    /// `v.Av`, near the eigenvalue of largest magnitude.
    pub value: f64,
    /// The unit vector v.
    pub vector: Vec<T>,
    /// `|Av - value v|` and what rounding may add to it, 16 units of rounding of `|Av|`: some eigenvalue lies this close to `value`.
    pub residual: f64,
    /// Products used.
    pub products: usize,
    /// Whether it stopped by the rule [`Until`].
    pub converged: bool,
}

/// Power iteration `v <- Av / |Av|` from `start`, or from a seeded random vector. Finds the eigenvalue of largest
/// magnitude, of either sign.
///
/// # Errors
/// A product that is not finite; an empty operator, no products to spend, a tolerance that is not between 0 and 1.
///
/// Cost: one product a step, two vectors; a third for [`Until::Residual`].
pub fn power_iteration<T: Real>(
    operator: &mut dyn LinearOperator<T>,
    options: &PowerIteration,
    start: Option<&[T]>,
) -> Result<Power<T>, Error> {
    let dim = operator.dim();
    Error::require_dimension(dim)?;
    Error::require_products(options.max_products)?;
    let tolerance = options.until.tolerance();
    Error::require_option((0.0..1.0).contains(&tolerance), "until", "a number from 0 to below 1", tolerance)?;
    let mut v = match start {
        Some(start) => start.to_vec(),
        None => unit_vector(options.seed, dim),
    };
    let length = vector::norm(&v);
    if !(length > 0.0 && length.is_finite()) {
        v = unit_vector(options.seed, dim);
    } else {
        vector::scale(1.0 / length, &mut v);
    }
    let mut product = vec![T::ZERO; dim];
    let mut previous = None;
    let mut rounding = Rounding::new(epsilon::<T>());
    for products in 1.. {
        operator.apply(&v, &mut product)?;
        let value = ObjectiveError::require_finite(Probe::HessianVector, vector::dot(&v, &product))?;
        let norm = ObjectiveError::require_finite(Probe::HessianVector, vector::norm(&product))?;
        rounding.met(norm);
        let rounding = rounding.bound();
        let (settled, residual) = match options.until {
            Until::Change(share) => {
                (previous.is_some_and(|p: f64| (value - p).abs() + rounding <= share * value.abs()), None)
            }
            Until::Residual(share) => {
                let residual = residual_norm(&v, value, &product) + rounding;
                (residual <= share * value.abs(), Some(residual))
            }
        };
        if settled || norm == 0.0 || products == options.max_products {
            let residual = residual.unwrap_or_else(|| residual_norm(&v, value, &product) + rounding);
            return Ok(Power { value, vector: v, residual, products, converged: settled || norm == 0.0 });
        }
        vector::scale(1.0 / norm, &mut product);
        std::mem::swap(&mut v, &mut product);
        previous = Some(value);
    }
    unreachable!("the loop ends at max_products, which is not 0")
}

fn residual_norm<T: Real>(v: &[T], value: f64, product: &[T]) -> f64 {
    let mut residual = product.to_vec();
    vector::axpy(-value, v, &mut residual);
    vector::norm(&residual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::samples::reflected;

    #[test]
    fn finds_the_largest_magnitude() {
        let (mut a, vectors) = reflected(&[1.0, -9.0, 4.0, 2.0]);
        let options = PowerIteration { until: Until::Change(1e-12), ..PowerIteration::paper(3) };
        let power = power_iteration(&mut a, &options, None).unwrap();
        assert!((power.value + 9.0).abs() < 1e-9 && power.converged);
        assert!((vector::dot(&power.vector, &vectors[1]).abs() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn says_when_it_did_not_settle() {
        let (mut a, _) = reflected(&[1.0, -2.0, 1.9, 0.3]);
        let options = PowerIteration { max_products: 3, until: Until::Change(1e-9), seed: 0 };
        let power = power_iteration(&mut a, &options, None).unwrap();
        assert!(!power.converged && power.products == 3 && power.residual > 1e-3);
    }

    #[test]
    fn a_small_residual_takes_longer_than_a_small_change_and_bounds_the_error() {
        let (mut a, vectors) = reflected(&[10.0, 9.7, 4.0, -1.0]);
        let [change, residual] = [Until::Change(1e-3), Until::Residual(1e-3)]
            .map(|until| power_iteration(&mut a, &PowerIteration { until, ..PowerIteration::paper(1) }, None).unwrap());
        assert!(change.converged && change.residual > 1e-2, "{change:?}");
        assert!(residual.converged && residual.residual <= 1e-3 * residual.value, "{residual:?}");
        assert!(residual.products > change.products);
        // |value - lambda| <= residual^2 / gap.
        assert!((residual.value - 10.0).abs() <= 1e-4 / 0.3);
        let along = vector::dot(&residual.vector, &vectors[0]).abs();
        assert!(along > 1.0 - 1e-2 * 1e-2 / (0.3 * 0.3));
    }

    #[test]
    fn a_tolerance_out_of_range_is_named() {
        let (mut a, _) = reflected(&[1.0, 2.0]);
        for until in [Until::Change(1.0), Until::Residual(f64::NAN), Until::Residual(-0.1)] {
            let options = PowerIteration { until, ..PowerIteration::paper(0) };
            let message = power_iteration(&mut a, &options, None).unwrap_err().to_string();
            assert!(message.contains("until: expected a number from 0 to below 1, got"), "{message}");
        }
    }

    #[test]
    fn an_exact_start_ends_at_once_and_zero_is_an_answer() {
        let (mut a, vectors) = reflected(&[1.0, 3.0]);
        let power = power_iteration(&mut a, &PowerIteration::paper(0), Some(&vectors[1])).unwrap();
        assert!((power.value - 3.0).abs() < 1e-12 && power.products == 2 && power.residual < 1e-12);
        let mut zero = crate::Dense::diagonal(&[0.0_f32, 0.0]);
        let power = power_iteration(&mut zero, &PowerIteration::paper(0), None).unwrap();
        assert!(power.converged && power.value == 0.0);
    }
}
