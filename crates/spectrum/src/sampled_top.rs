use onedge_objective::{Real, Sampled};

use crate::batches::{draw, over_batches};
use crate::sampling::stream;
use crate::{Error, Estimate, Hessian, SubspaceTracker};

/// Parts of the second sample, whose scatter gives the standard error.
const PARTS: usize = 8;

/// What two samples of the examples say of the largest eigenvalues; see [`sampled_top`].
#[derive(Debug, Clone, PartialEq)]
pub struct SampledTop<T> {
    /// `v_i . H v_i` over all examples, with its standard error, largest eigenvalue of the first sample first.
    pub values: Vec<Estimate>,
    /// Their sum.
    pub sum: Estimate,
    /// The largest eigenvalues of the Hessian over the first sample.
    pub of_sample: Vec<f64>,
    /// The vectors v_i, those of the first sample.
    pub vectors: Vec<Vec<T>>,
}

/// The largest eigenvalues of the Hessian of a mean over many examples, from two samples A and B of `batch` of them that have none in common.
///
/// `tracker` follows the eigenvectors v of the Hessian over A, which is the same sample at every call, by the tracker's seed. B is drawn anew, by `seed`, and says what
/// the vectors are worth on examples that they were not made for: with N examples
///
/// ```text
/// v . H v = (batch / N) v . H_A v + (1 - batch / N) v . H_rest v,
/// ```
///
/// of which the first term is known, and B gives the second without bias; where B is all of the rest, exactly. Since no unit vector has more than the largest
/// eigenvalue, and the largest eigenvalue of a mean is at most the mean largest eigenvalue,
///
/// ```text
/// E[v_1 . H v_1] <= lambda_max(H) <= E[lambda_max(H_A)]:
/// ```
///
/// `values` and `of_sample` hold the truth between them, in the mean over A; so do sums of the first few (Ky Fan 1949). The standard error is that of the choice of B.
///
/// Selects all examples when it is done; the problem is then no longer linearised.
///
/// # Errors
/// A batch of fewer than two examples or of more than half of all; those of the objective and the tracker.
///
/// Cost: a gradient and the products of the tracker on A, a gradient and k curvatures on B.
pub fn sampled_top<T: Real>(
    problem: &mut dyn Sampled<T>,
    w: &[T],
    batch: usize,
    tracker: &mut SubspaceTracker<T>,
    hint: Option<&[T]>,
    seed: u64,
) -> Result<SampledTop<T>, Error> {
    let examples = problem.examples();
    let expected = || format!("2 to {} examples, half of all", examples / 2);
    Error::require_option((2..=examples / 2).contains(&batch), "batch", expected(), batch)?;
    let all: Vec<usize> = (0..examples).collect();
    let first = draw(all, examples, stream(tracker.options().seed, 0));
    let (first, rest) = first.split_at(batch);
    let second = draw(rest.to_vec(), batch, seed);
    let parts = PARTS.min(batch);
    let size = batch / parts;
    let mut gradient = vec![T::ZERO; w.len()];
    over_batches(problem, batch, |problem| {
        problem.select(Some(first))?;
        problem.linearize(w, &mut gradient)?;
        let found = tracker.measure(&mut Hessian::new(problem), hint)?;
        let mut samples = vec![Vec::new(); found.vectors.len()];
        for part in second.chunks_exact(size).take(parts) {
            problem.select(Some(part))?;
            problem.linearize(w, &mut gradient)?;
            for (samples, vector) in samples.iter_mut().zip(&found.vectors) {
                samples.push((problem.curvature(vector)?, 1.0));
            }
        }
        let share = batch as f64 / examples as f64;
        // Of a finite number of examples, those that are left out.
        let left_out = (1.0 - (parts * size) as f64 / rest.len() as f64).max(0.0).sqrt();
        let estimate = |samples: &Vec<(f64, f64)>, of_first: f64| {
            let of_rest = Estimate::new(samples, parts, f64::INFINITY)?;
            let value = share * of_first + (1.0 - share) * of_rest.value;
            Ok(Estimate { value, standard_error: (1.0 - share) * left_out * of_rest.standard_error, ..of_rest })
        };
        let values = samples.iter().zip(&found.values).map(|(samples, value)| estimate(samples, *value));
        let values = values.collect::<Result<_, Error>>()?;
        let sums = (0..parts).map(|part| (samples.iter().map(|samples| samples[part].0).sum(), 1.0)).collect();
        let sum = estimate(&sums, found.values.iter().sum())?;
        Ok(SampledTop { values, sum, of_sample: found.values, vectors: found.vectors })
    })
}

#[cfg(test)]
mod tests {
    use onedge_objective::Objective;

    use super::*;
    use crate::coarse::tests::{DIM, Rows};
    use crate::{Lanczos, Subspace, Wanted, lanczos};

    fn exact(problem: &mut Rows, k: usize) -> Vec<f64> {
        let options = Lanczos { wanted: Wanted::Algebraic, tolerance: 1e-9, ..Lanczos::top(k, 1) };
        let top = lanczos(&mut Hessian::new(problem), &options, None).unwrap();
        top.pairs.iter().map(|pair| pair.value).collect()
    }

    fn tracker(k: usize, seed: u64) -> SubspaceTracker<f64> {
        SubspaceTracker::new(Subspace { tolerance: 1e-6, ..Subspace::top(k, seed) }, DIM).unwrap()
    }

    #[test]
    fn the_truth_lies_between_the_samples() {
        let mut problem = Rows::new(600);
        let exact = exact(&mut problem, 2);
        let (w, seeds) = (vec![1.0; DIM], 60);
        let (mut values, mut of_sample, mut within) = ([0.0; 2], [0.0; 2], 0);
        for seed in 0..seeds {
            let found = sampled_top(&mut problem, &w, 60, &mut tracker(2, seed), None, seed + 100).unwrap();
            // What the vector is worth, over all examples.
            let truth = problem.curvature(&found.vectors[0]).unwrap();
            within += usize::from((found.values[0].value - truth).abs() < 1.96 * found.values[0].standard_error);
            for (mean, value) in [(&mut values, 0), (&mut of_sample, 1)] {
                let of = |i: usize| if value == 0 { found.values[i].value } else { found.of_sample[i] };
                mean[0] += of(0) / seeds as f64;
                mean[1] += (of(0) + of(1)) / seeds as f64;
            }
            assert!((found.sum.value - found.values[0].value - found.values[1].value).abs() < 1e-9);
        }
        assert!(values[0] < exact[0] && exact[0] < of_sample[0], "{values:?} {exact:?} {of_sample:?}");
        let both = exact[0] + exact[1];
        assert!(values[1] < both && both < of_sample[1], "{values:?} {exact:?} {of_sample:?}");
        // 95 % hold the truth: of 60, fewer than 51 would be unlikely at 1 in 2000.
        assert!(within >= 51, "{within}");
    }

    #[test]
    fn all_examples_in_two_halves_leave_no_error() {
        let mut problem = Rows::new(160);
        let (w, mut tracker) = (vec![1.0; DIM], tracker(1, 3));
        let found = sampled_top(&mut problem, &w, 80, &mut tracker, None, 1).unwrap();
        let truth = problem.curvature(&found.vectors[0]).unwrap();
        assert!((found.values[0].value - truth).abs() < 1e-9 * truth, "{found:?} {truth}");
        assert!(found.values[0].standard_error < 1e-9 * truth);
        // The first sample stays, so what was found is found again.
        let again = sampled_top(&mut problem, &w, 80, &mut tracker, None, 2).unwrap();
        assert!((again.of_sample[0] - found.of_sample[0]).abs() < 1e-5 * truth);
    }

    #[test]
    fn batches_out_of_range_are_named() {
        let mut problem = Rows::new(64);
        for batch in [0, 1, 33] {
            let found = sampled_top(&mut problem, &[1.0; DIM], batch, &mut tracker(1, 3), None, 1);
            let message = found.unwrap_err().to_string();
            assert_eq!(message, format!("spectrum.batch: expected 2 to 32 examples, half of all, got {batch}"));
        }
    }
}
