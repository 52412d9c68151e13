use onedge_random::Random;

use super::subset::shuffle_front;
use crate::{Dataset, Error, ExamplesError, Split};

/// Sets a random `fraction` of the examples aside for testing: `round(fraction * examples)`, at least one, both parts
/// in their original order.
///
/// # Errors
/// [`ExamplesError::Inapplicable`] if the fraction is not between 0 and 1 (both excluded) or leaves nothing to train on.
pub fn train_test(set: &Dataset, fraction: f64, seed: u64) -> Result<Split, Error> {
    let examples = set.examples();
    let tests = ((fraction * examples as f64).round() as usize).max(1);
    if !(fraction > 0.0 && fraction < 1.0 && tests < examples) {
        return Err(Error::Examples(ExamplesError::Inapplicable {
            origin: set.origin().to_owned(),
            what: format!("`test_fraction = {fraction}`"),
            expected: "a fraction above 0 and below 1 that leaves an example to train on".to_owned(),
            got: format!("{examples} examples"),
            advice: "`test_fraction = 0.2`",
        }));
    }
    let mut indices: Vec<usize> = (0..examples).collect();
    // Another stream of the same seed, so that a random subset drawn with that seed is independent of the split.
    let mut random = Random::new(seed).stream(1);
    shuffle_front(&mut indices, tests, &mut random);
    let (test, train) = indices.split_at_mut(tests);
    test.sort_unstable();
    train.sort_unstable();
    Split::new(set.select(train)?, Some(set.select(test)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Targets;

    fn set(examples: usize) -> Dataset {
        let values: Vec<f32> = (0..examples).map(|i| i as f32).collect();
        let targets = values.iter().map(|&x| f64::from(x)).collect();
        Dataset::new("set", values, vec![1], Targets::Values { values: targets, width: 1 }).unwrap()
    }

    #[test]
    fn every_example_is_in_exactly_one_part() {
        let split = train_test(&set(37), 0.3, 5).unwrap();
        let test = split.test.unwrap();
        assert_eq!((split.train.examples(), test.examples()), (26, 11));
        let mut all: Vec<f32> = [split.train.inputs().single(), test.inputs().single()].concat();
        all.sort_unstable_by(f32::total_cmp);
        assert_eq!(*set(37).inputs(), all);
        assert_ne!(train_test(&set(37), 0.3, 6).unwrap().test.unwrap(), test);
    }

    #[test]
    fn fractions_out_of_range_are_refused() {
        for (examples, fraction) in [(5, 0.0), (5, 1.0), (5, -0.1), (5, f64::NAN), (1, 0.5), (3, 0.99)] {
            assert_eq!(
                train_test(&set(examples), fraction, 0).unwrap_err().to_string(),
                format!(
                    "set: `test_fraction = {fraction}` does not apply, expected a fraction above 0 and below 1 that \
                     leaves an example to train on, got {examples} examples; try `test_fraction = 0.2`"
                )
            );
        }
    }
}
