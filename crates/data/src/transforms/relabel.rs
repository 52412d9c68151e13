use onedge_random::Random;

use super::subset::shuffle_front;
use crate::{Dataset, Error, ExamplesError, Targets};

/// Gives a random `share` of the examples a label drawn anew from all classes, `round(share * examples)` of them: of those,
/// one of K keeps its label by chance. The seed decides which, and what they become.
///
/// Source: Zhang et al. 2017, arXiv 1611.03530, which fits such labels to tell memory from learning.
///
/// # Errors
/// [`ExamplesError::Inapplicable`] for targets that are no classes, or a share that is not from 0 to 1.
pub fn relabel(set: &Dataset, share: f64, seed: u64) -> Result<Dataset, Error> {
    let fail = |expected: &str, got: String| {
        Error::Examples(ExamplesError::Inapplicable {
            origin: set.origin().to_owned(),
            what: format!("`label_noise = {share}`"),
            expected: expected.to_owned(),
            got,
            advice: "`label_noise = 0`",
        })
    };
    if !(0.0..=1.0).contains(&share) {
        return Err(fail("a share from 0 to 1", share.to_string()));
    }
    let Targets::Classes { labels, classes, names } = set.targets() else {
        return Err(fail("classes", "other targets".to_owned()));
    };
    // Another stream of the same seed than those of subsets and test parts.
    let mut random = Random::new(seed).stream(2);
    let count = (share * labels.len() as f64).round() as usize;
    let mut chosen: Vec<usize> = (0..labels.len()).collect();
    shuffle_front(&mut chosen, count, &mut random);
    let mut labels = labels.clone();
    for &example in &chosen[..count] {
        labels[example] = random.range(0, *classes) as u32;
    }
    set.with_targets(Targets::Classes { labels, classes: *classes, names: names.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(examples: usize) -> Dataset {
        let targets = Targets::Classes { labels: vec![3; examples], classes: 4, names: Vec::new() };
        Dataset::new("set", vec![1.0; examples], vec![1], targets).unwrap().with_full_scale(2.0)
    }

    fn labels(set: &Dataset) -> Vec<u32> {
        let Targets::Classes { labels, .. } = set.targets() else { panic!("expected classes") };
        labels.clone()
    }

    #[test]
    fn the_share_is_drawn_from_all_classes() {
        let noisy = labels(&relabel(&set(4000), 0.5, 3).unwrap());
        // 2000 are drawn, each class about 500 times: binomial, with deviation 19.
        for class in 0..3 {
            let count = noisy.iter().filter(|&&label| label == class).count();
            assert!(count.abs_diff(500) < 100, "{count} of class {class}");
        }
        assert_eq!(relabel(&set(9), 0.0, 3).unwrap(), set(9));
        assert_eq!(relabel(&set(40), 0.5, 3).unwrap(), relabel(&set(40), 0.5, 3).unwrap());
        assert_ne!(relabel(&set(40), 0.5, 3).unwrap(), relabel(&set(40), 0.5, 4).unwrap());
        assert_eq!(relabel(&set(40), 0.5, 3).unwrap().full_scale(), Some(2.0));
    }

    #[test]
    fn what_has_no_labels_is_refused() {
        let message = |share: f64, set: &Dataset| relabel(set, share, 0).unwrap_err().to_string();
        assert_eq!(
            message(1.5, &set(3)),
            "set: `label_noise = 1.5` does not apply, expected a share from 0 to 1, got 1.5; try `label_noise = 0`"
        );
        let targets = Targets::Values { values: vec![0.5], width: 1 };
        let real = Dataset::new("set", vec![1.0], vec![1], targets).unwrap();
        assert_eq!(
            message(0.5, &real),
            "set: `label_noise = 0.5` does not apply, expected classes, got other targets; try `label_noise = 0`"
        );
        assert!(relabel(&set(3), f64::NAN, 0).is_err());
    }
}
