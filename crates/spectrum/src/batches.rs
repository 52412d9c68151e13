use onedge_objective::{Real, Sampled, vector};

use crate::seeded::uniform;
use crate::{Error, Estimate, Sampling};

/// From a gradient, the update that an optimizer makes of it.
pub type Direction<'a, T> = dyn FnMut(&[T], &mut [T]) -> Result<(), Error> + 'a;

/// The sharpness that mini-batches feel, `E[s . H_B s] / -E[s . g_B]`: over random batches B of `batch` examples, with the gradient
/// g_B and the Hessian H_B of the batch and the update `s` that `direction` makes of g_B.
///
/// With `s = -g_B` this is batch sharpness, `E[g_B . H_B g_B] / E|g_B|^2`, which settles near 2 / eta under stochastic gradient
/// descent; with the update of another optimizer at unit learning rate it is compared with 2 / eta as well. Selects all examples
/// when it is done; the problem is then no longer linearised.
///
/// # Errors
/// A batch of no example or of more than there are; numbers out of range; a value that is not finite; [`Error::NoValue`] where
/// no sampled update has a slope, as where every gradient is zero.
///
/// Cost: a gradient and a curvature of a batch for each sample.
///
/// Source: Andreyev, Beneventano 2024, arXiv 2412.20553, definition of batch sharpness; the form for any update is ours.
pub fn batch_sharpness<T: Real>(
    problem: &mut dyn Sampled<T>,
    w: &[T],
    batch: usize,
    direction: &mut Direction<'_, T>,
    sampling: &Sampling,
) -> Result<Estimate, Error> {
    let (mut gradient, mut update) = (vec![T::ZERO; w.len()], vec![T::ZERO; w.len()]);
    let mut slopes = 0;
    let estimate = over_batches(problem, batch, |problem| {
        sampling.ratio(|seed| {
            select(problem, batch, seed)?;
            problem.linearize(w, &mut gradient)?;
            direction(&gradient, &mut update)?;
            let descent = -vector::dot(&update, &gradient);
            slopes += usize::from(descent != 0.0);
            Ok((problem.curvature(&update)?, descent))
        })
    });
    match estimate {
        Err(Error::Objective(_)) if slopes == 0 => {
            Err(Error::NoValue("no sampled batch has a gradient along its update"))
        }
        estimate => estimate,
    }
}

/// The gradient noise scale `tr(Sigma) / |g|^2`, g the gradient over all N examples and Sigma the covariance of the gradients of
/// single examples: the batch size at which noise and signal are equal.
///
/// From batches of B drawn without replacement, `tr(Sigma) = E|g_B - g|^2 B (N - 1) / (N - B)`, exactly. Selects all examples when it
/// is done.
///
/// # Errors
/// A batch of no example or of as many as there are; numbers out of range; a value that is not finite; [`Error::NoValue`] where
/// the gradient over all examples is zero.
///
/// Cost: a gradient over all examples, and one of a batch for each sample.
///
/// Source: McCandlish, Kaplan, Amodei 2018, arXiv 1812.06162, equation 2.9 (simple noise scale).
pub fn noise_scale<T: Real>(
    problem: &mut dyn Sampled<T>,
    w: &[T],
    batch: usize,
    sampling: &Sampling,
) -> Result<Estimate, Error> {
    let examples = problem.examples();
    let expected = || format!("a batch smaller than the {examples} examples");
    Error::require_option(batch < examples, "batch", expected(), batch)?;
    let (mut full, mut gradient) = (vec![T::ZERO; w.len()], vec![T::ZERO; w.len()]);
    problem.select(None)?;
    problem.linearize(w, &mut full)?;
    let (n, b) = (examples as f64, batch as f64);
    let square = vector::dot(&full, &full);
    if square == 0.0 {
        return Err(Error::NoValue("the gradient over all examples is zero"));
    }
    let scale = b * (n - 1.0) / (n - b) / square;
    over_batches(problem, batch, |problem| {
        sampling.mean(|seed| {
            select(problem, batch, seed)?;
            problem.linearize(w, &mut gradient)?;
            vector::axpy(-1.0, &full, &mut gradient);
            Ok(scale * vector::dot(&gradient, &gradient))
        })
    })
}

/// Runs `work`, which selects batches, and selects all examples again, whatever comes of it.
pub(crate) fn over_batches<T: Real, V>(
    problem: &mut dyn Sampled<T>,
    batch: usize,
    work: impl FnOnce(&mut dyn Sampled<T>) -> Result<V, Error>,
) -> Result<V, Error> {
    let examples = problem.examples();
    Error::require_option((1..=examples).contains(&batch), "batch", format!("1 to {examples} examples"), batch)?;
    let result = work(problem);
    problem.select(None)?;
    result
}

/// Selects a batch drawn without replacement.
pub(crate) fn select<T: Real>(problem: &mut dyn Sampled<T>, batch: usize, seed: u64) -> Result<(), Error> {
    let indices = draw((0..problem.examples()).collect(), batch, seed);
    Ok(problem.select(Some(&indices))?)
}

/// So many of the indices, drawn without replacement.
pub(crate) fn draw(mut indices: Vec<usize>, count: usize, seed: u64) -> Vec<usize> {
    for i in 0..count {
        let share = 0.5 * (uniform(seed, i as u64) + 1.0);
        let last = indices.len() - 1;
        let other = i + (share * (indices.len() - i) as f64) as usize;
        indices.swap(i, other.min(last));
    }
    indices.truncate(count);
    indices
}

#[cfg(test)]
mod tests {
    use onedge_objective::{Error as ObjectiveError, Objective};

    use super::*;

    /// The mean over examples of `0.5 a_i (w - c_i)^2`.
    struct Bowls {
        examples: Vec<(f64, f64)>,
        selected: Vec<usize>,
    }

    const EXAMPLES: [(f64, f64); 5] = [(1.0, 0.5), (3.0, -1.0), (0.5, 2.0), (2.0, 0.0), (1.5, 1.0)];

    fn bowls() -> Bowls {
        Bowls { examples: EXAMPLES.to_vec(), selected: (0..5).collect() }
    }

    impl Bowls {
        fn mean(&self, f: impl Fn((f64, f64)) -> f64) -> f64 {
            self.selected.iter().map(|&i| f(self.examples[i])).sum::<f64>() / self.selected.len() as f64
        }
    }

    impl Objective<f64> for Bowls {
        fn dim(&self) -> usize {
            1
        }
        fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, ObjectiveError> {
            gradient[0] = self.mean(|(a, c)| a * (w[0] - c));
            self.loss(w)
        }
        fn curvature(&mut self, u: &[f64]) -> Result<f64, ObjectiveError> {
            Ok(self.mean(|(a, _)| a) * u[0] * u[0])
        }
        fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
            out[0] = self.mean(|(a, _)| a) * v[0];
            Ok(())
        }
        fn loss(&mut self, w: &[f64]) -> Result<f64, ObjectiveError> {
            Ok(self.mean(|(a, c)| 0.5 * a * (w[0] - c).powi(2)))
        }
    }

    impl Sampled<f64> for Bowls {
        fn examples(&self) -> usize {
            self.examples.len()
        }
        fn select(&mut self, indices: Option<&[usize]>) -> Result<(), ObjectiveError> {
            self.selected = indices.map_or((0..5).collect(), <[usize]>::to_vec);
            Ok(())
        }
    }

    #[test]
    fn agree_with_all_batches_counted() {
        const W: f64 = 0.7;
        let gradient = |(a, c): (f64, f64)| a * (W - c);
        // All pairs of the five examples.
        let pairs: Vec<(usize, usize)> = (0..5).flat_map(|i| (i + 1..5).map(move |j| (i, j))).collect();
        let of = |(i, j): (usize, usize)| {
            let (x, y) = (EXAMPLES[i], EXAMPLES[j]);
            (0.5 * (gradient(x) + gradient(y)), 0.5 * (x.0 + y.0))
        };
        let (mut n, mut d) = (0.0, 0.0);
        for &pair in &pairs {
            let (g, a) = of(pair);
            (n, d) = (n + a * g * g, d + g * g);
        }
        let sampling = Sampling { min_samples: 4000, max_samples: 4000, relative_error: 0.0, seed: 3 };
        let mut problem = bowls();
        let mut descent = |g: &[f64], s: &mut [f64]| {
            s[0] = -g[0];
            Ok(())
        };
        let sharpness = batch_sharpness(&mut problem, &[W], 2, &mut descent, &sampling).unwrap();
        assert!((sharpness.value - n / d).abs() < 4.0 * sharpness.standard_error, "{sharpness:?} {}", n / d);
        assert_eq!(problem.selected.len(), 5);

        let mean = EXAMPLES.map(gradient).iter().sum::<f64>() / 5.0;
        let covariance = EXAMPLES.map(|x| (gradient(x) - mean).powi(2)).iter().sum::<f64>() / 5.0;
        for batch in [1, 2, 4] {
            let scale = noise_scale(&mut problem, &[W], batch, &sampling).unwrap();
            let exact = covariance / (mean * mean);
            assert!((scale.value - exact).abs() < 4.0 * scale.standard_error, "{batch}: {scale:?} {exact}");
        }
        assert!(noise_scale(&mut problem, &[W], 5, &sampling).is_err());
        assert!(batch_sharpness(&mut problem, &[W], 6, &mut descent, &sampling).is_err());
        assert!(batch_sharpness(&mut problem, &[W], 0, &mut descent, &sampling).is_err());
    }

    #[test]
    fn ratios_do_not_exist_without_a_gradient() {
        // Every example has its minimum at 1.
        let mut problem = Bowls { examples: vec![(1.0, 1.0); 5], selected: (0..5).collect() };
        let mut descent = |g: &[f64], s: &mut [f64]| {
            s[0] = -g[0];
            Ok(())
        };
        let sampling = Sampling::exactly(4, 0);
        let sharpness = batch_sharpness(&mut problem, &[1.0], 2, &mut descent, &sampling);
        assert!(matches!(sharpness, Err(Error::NoValue(_))), "{sharpness:?}");
        assert!(matches!(noise_scale(&mut problem, &[1.0], 2, &sampling), Err(Error::NoValue(_))));
        assert_eq!(problem.selected.len(), 5);
        // With a gradient, and none of the noise: 0 is a value.
        let scale = noise_scale(&mut problem, &[2.0], 2, &sampling).unwrap();
        assert_eq!((scale.value, scale.standard_error), (0.0, 0.0));
        assert_eq!(batch_sharpness(&mut problem, &[2.0], 2, &mut descent, &sampling).unwrap().value, 1.0);
    }
}
