use onedge_objective::{Real, vector};

use crate::basis::{Team, orthogonalize};
use crate::sampling::stream;
use crate::seeded::signs;
use crate::{Error, Estimate, LinearOperator, Sampling};

/// The trace by Hutchinson's estimator: the mean of `z . A z` over random signs z.
///
/// Its variance is `2 sum_(i != j) a_ij^2`, so a diagonal matrix takes one sample.
///
/// # Errors
/// Numbers out of range; a product that is not finite.
///
/// Cost: one product a sample.
///
/// Source: Hutchinson, Commun. Stat. Simul. Comput. 18 (1989); Skorski 2021 for signs, arXiv 2011.05190.
pub fn hutchinson<T: Real>(operator: &mut dyn LinearOperator<T>, sampling: &Sampling) -> Result<Estimate, Error> {
    let mut product = vec![T::ZERO; operator.dim()];
    sampling.mean(|seed| {
        let z: Vec<T> = signs(seed, product.len());
        operator.apply(&z, &mut product)?;
        Ok(vector::dot(&z, &product))
    })
}

/// The trace by Hutch++: exact on the span Q of `A S` with random signs S, by Hutchinson on what is left,
/// `tr(Q' A Q) + mean(z . (I - QQ') A (I - QQ') z)`.
///
/// A third of the `products` goes into S, a third into Q, a third into samples, from which the standard error comes. Its error
/// falls as 1 / products where Hutchinson's falls as the root of that, if few eigenvalues dominate.
///
/// # Errors
/// Fewer than 6 products; a product that is not finite.
///
/// Cost: `products` products, memory for a third as many vectors.
///
/// Source: Meyer, Musco, Musco, Woodruff 2021, arXiv 2010.09649, algorithm 1.
pub fn hutch_plus_plus<T: Real>(
    operator: &mut dyn LinearOperator<T>,
    products: usize,
    seed: u64,
) -> Result<Estimate, Error> {
    Error::require_option(products >= 6, "products", "6 or more", products)?;
    let (dim, third) = (operator.dim(), products / 3);
    Error::require_dimension(dim)?;
    let team = Team::new(1, dim)?;
    let mut product = vec![T::ZERO; dim];
    let mut basis: Vec<Vec<T>> = Vec::new();
    for i in 0..third as u64 {
        operator.apply(&signs(stream(seed, i), dim), &mut product)?;
        let before = vector::norm(&product);
        let mut q = product.clone();
        let (_, norm) = orthogonalize(&team, &basis, &mut q);
        // What is left of a vector of the span is rounding.
        if norm > 1e-5 * before {
            vector::scale(1.0 / norm, &mut q);
            basis.push(q);
        }
    }
    let mut exact = 0.0;
    for q in &basis {
        operator.apply(q, &mut product)?;
        exact += vector::dot(q, &product);
    }
    let rest = Sampling::exactly(products - 2 * third, stream(seed, third as u64)).mean(|seed| {
        let mut z: Vec<T> = signs(seed, dim);
        orthogonalize(&team, &basis, &mut z);
        operator.apply(&z, &mut product)?;
        Ok(vector::dot(&z, &product))
    })?;
    Ok(Estimate { samples: products, ..rest.map(|rest| exact + rest, |_| 1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dense;
    use crate::operator::samples::reflected;

    fn spectrum() -> Vec<f64> {
        (0..60).map(|i| 20.0 / (1.0 + f64::from(i)).powi(2) * if i % 3 == 0 { 1.0 } else { -0.7 }).collect()
    }

    #[test]
    fn a_diagonal_matrix_takes_one_sample() {
        let mut a = Dense::diagonal(&[1.5, -4.0, 2.25]);
        let trace = hutchinson(&mut a, &Sampling::exactly(2, 3)).unwrap();
        assert_eq!((trace.value, trace.standard_error), (-0.25, 0.0));
    }

    #[test]
    fn both_lie_within_their_standard_errors() {
        let trace: f64 = spectrum().iter().sum();
        let (mut a, _) = reflected(&spectrum());
        let (mut plain, mut better) = (0, 0);
        for seed in 0..40 {
            let hutchinson = hutchinson(&mut a, &Sampling::exactly(30, seed)).unwrap();
            let plus = hutch_plus_plus(&mut a, 30, seed).unwrap();
            plain += usize::from((hutchinson.value - trace).abs() < 2.0 * hutchinson.standard_error);
            better += usize::from((plus.value - trace).abs() < (hutchinson.value - trace).abs());
            assert!((plus.value - trace).abs() < 6.0 * plus.standard_error, "{plus:?}");
        }
        // Two standard errors hold 95 %: of 40, fewer than 33 would be unlikely at 1 in 3000.
        assert!(plain >= 33 && better >= 30, "{plain} {better}");
    }

    #[test]
    fn few_eigenvalues_are_found_exactly() {
        let (mut a, _) = reflected(&[3.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
        let trace = hutch_plus_plus(&mut a, 12, 1).unwrap();
        assert!((trace.value - 2.0).abs() < 1e-10 && trace.standard_error < 1e-10, "{trace:?}");
        assert!(hutch_plus_plus(&mut a, 5, 1).is_err());
    }
}
