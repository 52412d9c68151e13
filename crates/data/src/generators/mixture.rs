use super::draws::{normal, require_scale, stream};
use crate::{Dataset, Error, Targets, dataset};

/// What [`mixture`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// The number of examples.
    pub examples: usize,
    /// The inputs per example.
    pub features: usize,
    /// The number of classes, K.
    pub classes: usize,
    /// The length of every class mean, in standard deviations of the noise, from 0 to 1e6.
    pub separation: f64,
    /// Of the random generator.
    pub seed: u64,
}

/// A Gaussian mixture: `y_i = i mod K`, `x_i = m_(y_i) + e_i`, `e_i ~ N(0, I)`, class means `m_k` uniform on the sphere
/// of radius `separation`. The means depend on seed, features and classes alone, not on the number of examples.
///
/// # Errors
/// [`NoExamples`](crate::ExamplesError::NoExamples); a separation out of range; no features or classes; [`TooLarge`](crate::ExamplesError::TooLarge).
pub fn mixture(of: &Mixture) -> Result<Dataset, Error> {
    require_scale("mixture", "separation", of.separation)?;
    let mut inputs = dataset::allocate("mixture", &[of.examples, of.features])?;
    let means = means(of)?;
    let mut random = stream(of.seed, 1);
    for example in 0..of.examples {
        let mean = means.chunks_exact(of.features.max(1)).nth(example % of.classes.max(1)).unwrap_or(&[]);
        inputs.extend(mean.iter().map(|m| m + normal(&mut random)));
    }
    let labels = (0..of.examples).map(|i| (i % of.classes.max(1)) as u32).collect();
    let targets = Targets::Classes { labels, classes: of.classes, names: Vec::new() };
    Dataset::new("mixture", inputs, vec![of.features], targets)
}

/// Row-major `[classes, features]`.
fn means(of: &Mixture) -> Result<Vec<f32>, Error> {
    let mut random = stream(of.seed, 0);
    let mut means = dataset::allocate("mixture", &[of.classes, of.features])?;
    means.extend((0..of.classes * of.features).map(|_| normal(&mut random)));
    for mean in means.chunks_exact_mut(of.features.max(1)) {
        let norm = mean.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        mean.iter_mut().for_each(|x| *x = (f64::from(*x) / norm * of.separation) as f32);
    }
    Ok(means)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExamplesError;

    fn of(examples: usize, seed: u64) -> Mixture {
        Mixture { examples, features: 5, classes: 3, separation: 4.0, seed }
    }

    #[test]
    fn class_means_lie_on_the_sphere_and_noise_has_variance_one() {
        let set = mixture(&of(9000, 3)).unwrap();
        for class in 0..3 {
            let rows: Vec<_> = (class..9000).step_by(3).map(|i| set.input(i)).collect();
            let mean: Vec<f64> =
                (0..5).map(|j| rows.iter().map(|row| f64::from(row[j])).sum::<f64>() / 3000.0).collect();
            // The mean of 3000 rows has deviation 1/sqrt(3000) = 0.018 per feature; the variance 0.026.
            assert!((mean.iter().map(|m| m * m).sum::<f64>().sqrt() - 4.0).abs() < 0.1);
            for j in 0..5 {
                let variance = rows.iter().map(|row| (f64::from(row[j]) - mean[j]).powi(2)).sum::<f64>() / 3000.0;
                assert!((variance - 1.0).abs() < 0.13, "{variance}");
            }
        }
    }

    #[test]
    fn more_examples_extend_fewer_and_seeds_differ() {
        let (few, many) = (mixture(&of(7, 1)).unwrap(), mixture(&of(20, 1)).unwrap());
        assert_eq!(*few.inputs(), many.inputs().single()[..35]);
        assert_ne!(few, mixture(&of(7, 2)).unwrap());
    }

    #[test]
    fn a_separation_that_swamps_everything_is_refused() {
        for separation in [-1.0, 1.1e6, 1e300, f64::INFINITY, f64::NAN] {
            let error = mixture(&Mixture { separation, ..of(9, 1) }).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("mixture.separation: expected a number from 0 to 1e6, got {separation:?}")
            );
        }
        assert!(mixture(&Mixture { separation: 1e6, ..of(9, 1) }).is_ok());
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(matches!(mixture(&of(0, 1)), Err(Error::Examples(ExamplesError::NoExamples { .. }))));
        assert!(matches!(
            mixture(&Mixture { classes: 0, ..of(4, 1) }),
            Err(Error::Examples(ExamplesError::Label { .. }))
        ));
        assert!(matches!(
            mixture(&Mixture { features: 0, ..of(4, 1) }),
            Err(Error::Examples(ExamplesError::Size { .. }))
        ));
        assert_eq!(
            mixture(&of(usize::MAX, 1)).unwrap_err().to_string(),
            format!(
                "mixture: sizes {} x 5 are too large, expected a product that fits memory; try fewer examples",
                usize::MAX
            )
        );
    }
}
