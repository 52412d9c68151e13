use onedge_objective::{Error as ObjectiveError, Real, Sampled};

use crate::batches::{over_batches, select};
use crate::forms::{Form, Forms};
use crate::krylov::all;
use crate::sampling::stream;
use crate::space::Host;
use crate::{Error, Estimate, Hessian, LinearOperator, Sampling, Space};

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
    hutchinson_in(&mut Host::new(operator, 1)?, sampling)
}

/// The same of the operator of a [`Space`].
///
/// # Errors
/// Those of [`hutchinson`], and of the space.
///
/// Cost: one product a sample; memory for four vectors, and a sketch of up to 4096 numbers for each sample.
pub fn hutchinson_in<S: Space>(space: &mut S, sampling: &Sampling) -> Result<Estimate, Error> {
    sampling.forms(Forms::new(space, Form::Trace)?, space.at_once(), |forms, seeds| forms.add_signs(space, seeds))
}

/// The trace, exact on the span of some vectors and by Hutchinson's estimator beyond it: `sum_i v_i . A v_i + E[P z . A P z]` with the
/// projection P away from all v. `known` holds `v_i . A v_i` of the orthonormal `vectors`.
///
/// With the vectors of the largest eigenvalues its variance is that of the others. On Hessians of small networks the
/// five largest take the standard deviation of a sample from 0.25 to 0.9 of the trace down to 0.07 to 0.2.
///
/// # Errors
/// Numbers out of range; vectors of another dimension; a product that is not finite.
///
/// Cost: one product a sample.
///
/// Source: the last step of Meyer, Musco, Musco, Woodruff 2021, arXiv 2010.09649, algorithm 1.
pub fn deflated<T: Real>(
    operator: &mut dyn LinearOperator<T>,
    vectors: &[Vec<T>],
    known: &[f64],
    sampling: &Sampling,
) -> Result<Estimate, Error> {
    let beyond = Beyond::new(operator.dim(), vectors, known)?;
    let mut space = Host::new(operator, 1)?;
    sampling.forms(beyond.forms(&mut space)?, space.at_once(), |forms, seeds| beyond.samples(&mut space, forms, seeds))
}

/// A trace that is known on the span of some vectors.
struct Beyond<'a, V> {
    vectors: &'a [V],
    exact: f64,
}

impl<'a, T: Real> Beyond<'a, Vec<T>> {
    fn new(dim: usize, vectors: &'a [Vec<T>], known: &[f64]) -> Result<Self, Error> {
        ObjectiveError::require_length("known", vectors.len(), known.len())?;
        vectors.iter().try_for_each(|vector| ObjectiveError::require_length("vector", dim, vector.len()))?;
        Ok(Self { vectors, exact: known.iter().sum() })
    }
}

impl<V> Beyond<'_, V> {
    /// No sample yet.
    fn forms<S: Space<Vector = V>>(&self, space: &mut S) -> Result<Forms<S::Sums>, Error> {
        Forms::beside(space, self.exact)
    }

    /// Adds the parts of the random vectors of these seeds.
    fn samples<S: Space<Vector = V>>(
        &self,
        space: &mut S,
        forms: &mut Forms<S::Sums>,
        seeds: &[u64],
    ) -> Result<(), Error> {
        let (mut signs, mut beyond) = (Vec::new(), Vec::new());
        for &seed in seeds {
            let z = space.signs(seed)?;
            let mut v = space.copy(&z)?;
            space.orthogonalize(&all(self.vectors), &mut v)?;
            signs.push(z);
            beyond.push(v);
        }
        for (z, mut product) in signs.iter().zip(space.apply_all(&beyond)?) {
            space.orthogonalize(&all(self.vectors), &mut product)?;
            forms.add(space, z, &product)?;
        }
        Ok(())
    }
}

/// The trace of the Hessian of a mean over many examples, each sample on `batch` of them drawn without replacement:
/// `sum_i v_i . H v_i + E[P z . H_B P z]`, with what is `known` of the orthonormal `vectors` as in [`deflated`].
///
/// H_B is H in the mean, so the standard error covers both, signs and batches; and as signs scatter far more than batches of some
/// hundred examples do, a sample says nearly as much as one that takes all. Selects all examples when it is done; the problem is then no
/// longer linearised.
///
/// # Errors
/// A batch of no example or of more than there are; beyond that as [`deflated`].
///
/// Cost: a gradient and a product on `batch` examples for each sample.
pub fn sampled_trace<T: Real>(
    problem: &mut dyn Sampled<T>,
    w: &[T],
    batch: usize,
    (vectors, known): (&[Vec<T>], &[f64]),
    sampling: &Sampling,
) -> Result<Estimate, Error> {
    let mut gradient = vec![T::ZERO; w.len()];
    let beyond = Beyond::new(w.len(), vectors, known)?;
    over_batches(problem, batch, |problem| {
        let forms = beyond.forms(&mut Host::new(&mut Hessian::new(problem), 1)?)?;
        sampling.forms(forms, 1, |forms, seeds| {
            seeds.iter().try_for_each(|&seed| {
                select(problem, batch, stream(seed, 0))?;
                problem.linearize(w, &mut gradient)?;
                beyond.samples(&mut Host::new(&mut Hessian::new(problem), 1)?, forms, &[stream(seed, 1)])
            })
        })
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
    hutch_plus_plus_in(&mut Host::new(operator, 1)?, products, seed)
}

/// The same of the operator of a [`Space`].
///
/// # Errors
/// Those of [`hutch_plus_plus`], and of the space.
///
/// Cost: as for [`hutch_plus_plus`].
pub fn hutch_plus_plus_in<S: Space>(space: &mut S, products: usize, seed: u64) -> Result<Estimate, Error> {
    Error::require_option(products >= 6, "products", "6 or more", products)?;
    let third = products / 3;
    Error::require_dimension(space.dim())?;
    let at_once = space.at_once();
    let mut basis: Vec<S::Vector> = Vec::new();
    let seeds: Vec<u64> = (0..third as u64).map(|i| stream(seed, i)).collect();
    for seeds in seeds.chunks(at_once) {
        let signs = seeds.iter().map(|&seed| space.signs(seed)).collect::<Result<Vec<_>, _>>()?;
        for mut q in space.apply_all(&signs)? {
            let before = space.norm(&q)?;
            let (_, norm) = space.orthogonalize(&all(&basis), &mut q)?;
            // What is left of a vector of the span is rounding.
            if norm > 1e-5 * before {
                space.scale(1.0 / norm, &mut q)?;
                basis.push(q);
            }
        }
    }
    let mut exact = 0.0;
    for q in basis.chunks(at_once) {
        for (q, product) in q.iter().zip(space.apply_all(q)?) {
            exact += space.dots(&[q], &product)?[0];
        }
    }
    let (sampling, beyond) =
        (Sampling::exactly(products - 2 * third, stream(seed, third as u64)), Beyond { vectors: &basis, exact });
    let forms = beyond.forms(space)?;
    let estimate = sampling.forms(forms, at_once, |forms, seeds| beyond.samples(space, forms, seeds))?;
    Ok(Estimate { samples: products, ..estimate })
}

#[cfg(test)]
mod tests {
    use onedge_objective::vector;

    use super::*;
    use crate::coarse::tests::{DIM, Rows};
    use crate::operator::samples::reflected;
    use crate::{Dense, Lanczos, Wanted, lanczos};

    /// Counts products with a matrix.
    struct Counting(Dense<f64>, usize);

    impl LinearOperator<f64> for Counting {
        fn dim(&self) -> usize {
            self.0.dim()
        }

        fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
            self.1 += 1;
            self.0.apply(v, out)
        }
    }

    #[test]
    fn hutch_plus_plus_takes_the_products_that_it_may() {
        for products in [6, 7, 8, 20] {
            let mut a = Counting(Dense::diagonal(&(0..50).map(f64::from).collect::<Vec<_>>()), 0);
            let estimate = hutch_plus_plus(&mut a, products, 3).unwrap();
            assert_eq!((a.1, estimate.samples), (products, products));
        }
    }

    /// Four products at once, or as many as are asked for, of which it keeps the largest number.
    struct Together(Dense<f64>, usize);

    impl LinearOperator<f64> for Together {
        fn dim(&self) -> usize {
            self.0.dim()
        }

        fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
            self.0.apply(v, out)
        }

        fn apply_all(&mut self, vectors: &[Vec<f64>], out: &mut [Vec<f64>]) -> Result<(), Error> {
            self.1 = self.1.max(vectors.len());
            self.0.apply_all(vectors, out)
        }

        fn at_once(&self) -> usize {
            4
        }
    }

    #[test]
    fn products_at_once_are_those_one_after_the_other() {
        let (mut a, vectors) = reflected(&spectrum());
        let mut together = Together(a.clone(), 0);
        // Looked at after 3, 6, 12 and 13 samples.
        let all = Sampling { min_samples: 3, max_samples: 13, relative_error: 0.0, seed: 5 };
        let some = Sampling { relative_error: 0.6, ..all };
        for sampling in [all, some] {
            assert_eq!(hutchinson(&mut together, &sampling).unwrap(), hutchinson(&mut a, &sampling).unwrap());
            let known = (&vectors[..2], &spectrum()[..2]);
            let expected = deflated(&mut a, known.0, known.1, &sampling).unwrap();
            assert_eq!(deflated(&mut together, known.0, known.1, &sampling).unwrap(), expected);
            assert_eq!(
                crate::frobenius(&mut together, &sampling).unwrap(),
                crate::frobenius(&mut a, &sampling).unwrap()
            );
        }
        assert!(hutchinson(&mut a, &some).unwrap().samples < 13);
        assert_eq!(hutch_plus_plus(&mut together, 20, 3).unwrap(), hutch_plus_plus(&mut a, 20, 3).unwrap());
        assert_eq!(together.1, 4);
    }

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
    fn what_is_known_is_not_sampled() {
        let spectrum: Vec<f64> = (0..50).map(|i| 30.0 / (1.0 + f64::from(i)).powi(2)).collect();
        let trace: f64 = spectrum.iter().sum();
        let (mut a, vectors) = reflected(&spectrum);
        let mut errors = [0.0; 2];
        for seed in 0..20 {
            let sampling = Sampling::exactly(8, seed);
            let found = deflated(&mut a, &vectors[..4], &spectrum[..4], &sampling).unwrap();
            assert!((found.value - trace).abs() < 6.0 * found.standard_error, "{found:?}");
            errors[0] += found.standard_error;
            errors[1] += hutchinson(&mut a, &sampling).unwrap().standard_error;
        }
        assert!(errors[0] < 0.1 * errors[1], "{errors:?}");
        let all = deflated(&mut a, &vectors, &spectrum, &Sampling::exactly(2, 0)).unwrap();
        assert!((all.value - trace).abs() < 1e-9 && all.standard_error < 1e-9);
        assert!(deflated(&mut a, &vectors, &spectrum[1..], &Sampling::exactly(2, 0)).is_err());
    }

    #[test]
    fn samples_of_examples_lie_within_their_standard_error() {
        let mut problem = Rows::new(600);
        let trace = problem.rows.iter().map(|row| vector::dot(row, row)).sum::<f64>() / 600.0;
        let w = vec![1.0; DIM];
        let options = Lanczos { wanted: Wanted::Algebraic, tolerance: 1e-9, ..Lanczos::top(3, 1) };
        let top = lanczos(&mut Hessian::new(&mut problem), &options, None).unwrap();
        let (vectors, values): (Vec<_>, Vec<_>) = top.pairs.into_iter().map(|pair| (pair.vector, pair.value)).unzip();
        let (mut within, mut errors) = (0, [0.0; 2]);
        for seed in 0..40 {
            let sampling = Sampling::exactly(12, seed);
            let plain = sampled_trace(&mut problem, &w, 20, (&[], &[]), &sampling).unwrap();
            let known = sampled_trace(&mut problem, &w, 20, (&vectors, &values), &sampling).unwrap();
            within += usize::from((known.value - trace).abs() < 2.0 * known.standard_error);
            for (error, found) in errors.iter_mut().zip([plain, known]) {
                *error += found.standard_error;
                assert!((found.value - trace).abs() < 6.0 * found.standard_error, "{found:?} {trace}");
            }
        }
        // As above, a little fewer for as few samples.
        assert!(within >= 31 && errors[1] < errors[0], "{within} {errors:?}");
    }

    #[test]
    fn few_eigenvalues_are_found_exactly() {
        let (mut a, _) = reflected(&[3.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
        let trace = hutch_plus_plus(&mut a, 12, 1).unwrap();
        assert!((trace.value - 2.0).abs() < 1e-10 && trace.standard_error < 1e-10, "{trace:?}");
        assert!(hutch_plus_plus(&mut a, 5, 1).is_err());
    }
}
