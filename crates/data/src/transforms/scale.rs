use crate::{Dataset, Error, ExamplesError, Reals, Scaling, Split};

/// How inputs are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As they are.
    None,
    /// `x / full_scale`, so that bytes lie in `[0, 1]`.
    Unit,
    /// `(x - mean) / deviation` per feature, both taken over the training examples.
    Standard,
}

/// Scales the inputs of both parts.
///
/// `Standard` uses the population deviation `sqrt(mean((x - mean)^2))` of each feature of the *training* part, and
/// applies it to the test part too, so that nothing of the test set leaks. A feature that is constant there is only
/// centred.
///
/// # Errors
/// [`ExamplesError::Inapplicable`] for `Unit` on inputs of unknown range; [`ExamplesError::NonFinite`] if a test input overflows.
pub fn scale(split: Split, how: Scale) -> Result<Split, Error> {
    let scaling = match how {
        Scale::None => Scaling::None,
        Scale::Unit => Scaling::Unit { full_scale: full_scale(&split.train)? },
        Scale::Standard => {
            let (means, deviations) = moments(&split.train).into_iter().unzip();
            Scaling::Standard { means, deviations }
        }
    };
    let split = split.try_map(|set| match scaling {
        // Each part by its own range.
        Scaling::Unit { .. } => Scaling::Unit { full_scale: full_scale(&set)? }.apply(set),
        _ => scaling.apply(set),
    })?;
    Ok(Split { scaling, ..split })
}

fn full_scale(set: &Dataset) -> Result<f32, Error> {
    set.full_scale().ok_or_else(|| {
        let (expected, got) = ("inputs of a known range, such as bytes".to_owned(), "real numbers".to_owned());
        let (what, advice) = ("`scale = unit`".to_owned(), "`scale = standard`");
        Error::Examples(ExamplesError::Inapplicable { origin: set.origin().to_owned(), what, expected, got, advice })
    })
}

/// Mean and deviation of each feature, in two passes for accuracy; a deviation of zero is given as one.
fn moments(set: &Dataset) -> Vec<(f64, f64)> {
    match set.inputs() {
        Reals::Single(numbers) => moments_of(numbers, set.features()),
        Reals::Double(numbers) => moments_of(numbers, set.features()),
    }
}

fn moments_of<T: Copy + Into<f64>>(numbers: &[T], features: usize) -> Vec<(f64, f64)> {
    let examples = (numbers.len() / features) as f64;
    let mut means = vec![0.0; features];
    for row in numbers.chunks_exact(features) {
        means.iter_mut().zip(row).for_each(|(mean, &x)| *mean += x.into());
    }
    means.iter_mut().for_each(|mean| *mean /= examples);
    let (mut squares, mut constant) = (vec![0.0; features], vec![true; features]);
    for row in numbers.chunks_exact(features) {
        for (feature, &x) in row.iter().enumerate() {
            squares[feature] += (x.into() - means[feature]).powi(2);
            constant[feature] &= x.into() == numbers[feature].into();
        }
    }
    // The mean of equal numbers need not be one of them to the last bit.
    let of = |feature: usize| match constant[feature] {
        true => (numbers[feature].into(), 1.0),
        false if squares[feature] == 0.0 => (means[feature], 1.0),
        false => (means[feature], (squares[feature] / examples).sqrt()),
    };
    (0..features).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Targets;

    fn set(inputs: &[f32], features: usize) -> Dataset {
        let labels = vec![0; inputs.len() / features];
        let targets = Targets::Classes { labels, classes: 1, names: Vec::new() };
        Dataset::new("set", inputs.to_vec(), vec![features], targets).unwrap()
    }

    #[test]
    fn standard_uses_the_training_moments_for_both_parts() {
        // Feature 0: mean 3, deviation sqrt((4 + 0 + 4) / 3); feature 1 is constant.
        let split = Split::new(set(&[1.0, 7.0, 3.0, 7.0, 5.0, 7.0], 2), Some(set(&[4.0, 9.0], 2))).unwrap();
        let scaled = scale(split, Scale::Standard).unwrap();
        let unit = (3.0f32 / 8.0).sqrt();
        assert_eq!(scaled.train.inputs(), &[-2.0 * unit, 0.0, 0.0, 0.0, 2.0 * unit, 0.0]);
        assert_eq!(scaled.test.unwrap().inputs(), &[unit, 2.0]);
    }

    #[test]
    fn unit_divides_by_the_full_scale_once() {
        let split = Split::new(set(&[0.0, 51.0, 255.0], 1).with_full_scale(255.0), None).unwrap();
        let once = scale(split, Scale::Unit).unwrap();
        assert_eq!(once.train.inputs(), &[0.0, 0.2, 1.0]);
        assert_eq!(scale(once.clone(), Scale::Unit).unwrap().train, once.train);
    }

    #[test]
    fn unit_needs_a_known_range() {
        let split = Split::new(set(&[0.0, 1.0], 1), None).unwrap();
        assert_eq!(scale(split.clone(), Scale::None).unwrap(), split);
        assert_eq!(
            scale(split, Scale::Unit).unwrap_err().to_string(),
            "set: `scale = unit` does not apply, expected inputs of a known range, such as bytes, got real numbers; \
             try `scale = standard`"
        );
    }
}
