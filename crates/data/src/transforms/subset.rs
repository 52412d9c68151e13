use onedge_random::Random;

use crate::excerpt::excerpt;
use crate::{Dataset, Error, ExamplesError, Targets};

/// Which examples are picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The first ones.
    First,
    /// A uniformly random choice, determined by the seed.
    Random(u64),
}

/// The subset of `n` examples of `set`, in their original order; `n` per class in turn if `balanced`.
///
/// Balanced means that of `k` classes each gives `n / k` examples, and the first `n % k` classes one more.
///
/// # Errors
/// [`ExamplesError::NoExamples`] for `n = 0`, [`ExamplesError::Subset`] if there are fewer than asked for, in all or of a class,
/// [`ExamplesError::Inapplicable`] for a balanced subset of real targets.
pub fn subset(set: &Dataset, n: usize, pick: Pick, balanced: bool) -> Result<Dataset, Error> {
    let mut groups = if balanced { by_class(set)? } else { vec![("all".to_owned(), (0..set.examples()).collect())] };
    let (share, extra) = (n / groups.len(), n % groups.len());
    let mut chosen: Vec<usize> = Vec::new();
    let mut random = match pick {
        Pick::First => None,
        Pick::Random(seed) => Some(Random::new(seed)),
    };
    for (place, (what, group)) in groups.iter_mut().enumerate() {
        let wanted = share + usize::from(place < extra);
        if wanted > group.len() {
            let (origin, what, available) = (set.origin().to_owned(), what.clone(), group.len());
            return Err(Error::Examples(ExamplesError::Subset { origin, what, wanted, available }));
        }
        if let Some(random) = &mut random {
            shuffle_front(group, wanted, random);
        }
        chosen.extend(&group[..wanted]);
    }
    chosen.sort_unstable();
    set.select(&chosen)
}

/// Makes the first `n` items a uniformly random choice, by the first `n` steps of the Fisher-Yates shuffle.
pub(crate) fn shuffle_front(items: &mut [usize], n: usize, random: &mut Random) {
    for i in 0..n.min(items.len().saturating_sub(1)) {
        let j = random.range(i, items.len());
        items.swap(i, j);
    }
}

/// The examples of each class, with what to call them in errors.
fn by_class(set: &Dataset) -> Result<Vec<(String, Vec<usize>)>, Error> {
    let Targets::Classes { labels, classes, names } = set.targets() else {
        let got = if matches!(set.targets(), Targets::Tokens { .. }) { "tokens" } else { "real targets" };
        let (expected, got) = ("classes".to_owned(), got.to_owned());
        let (what, advice) = ("`balanced = true`".to_owned(), "`balanced = false`");
        return Err(Error::Examples(ExamplesError::Inapplicable {
            origin: set.origin().to_owned(),
            what,
            expected,
            got,
            advice,
        }));
    };
    let name = |class: usize| names.get(class).map_or_else(|| class.to_string(), |name| excerpt(name));
    let mut groups: Vec<_> = (0..*classes).map(|class| (format!("class `{}`", name(class)), Vec::new())).collect();
    for (example, &label) in labels.iter().enumerate() {
        groups[label as usize].1.push(example);
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(labels: &[u32]) -> Dataset {
        let names = vec!["cat".to_owned(), "dog".to_owned()];
        let targets = Targets::Classes { labels: labels.to_vec(), classes: 2, names };
        let inputs = (0..labels.len()).map(|i| i as f32 + 0.5).collect();
        Dataset::new("set", inputs, vec![1], targets).unwrap()
    }

    #[test]
    fn first_and_balanced_keep_the_order() {
        let set = set(&[0, 0, 0, 1, 1, 0]);
        assert_eq!(subset(&set, 3, Pick::First, false).unwrap().inputs(), &[0.5, 1.5, 2.5]);
        assert_eq!(subset(&set, 3, Pick::First, true).unwrap().inputs(), &[0.5, 1.5, 3.5]);
        assert_eq!(subset(&set, 6, Pick::Random(3), false).unwrap(), set);
    }

    #[test]
    fn random_depends_on_the_seed_alone_and_reaches_every_example() {
        let set = set(&[0; 50]);
        let pick = |seed| subset(&set, 10, Pick::Random(seed), false).unwrap();
        assert_eq!(pick(1), pick(1));
        assert_ne!(pick(1), pick(2));
        let mut seen = [0usize; 50];
        for seed in 0..200 {
            let picked = pick(seed);
            assert!(picked.inputs().single().windows(2).all(|pair| pair[0] < pair[1]), "an example was picked twice");
            picked.inputs().single().iter().for_each(|x| seen[*x as usize] += 1);
        }
        // Each count is binomial with mean 40 and deviation 5.7; five deviations are 28.
        assert!(seen.iter().all(|&count| count.abs_diff(40) < 28), "{seen:?}");
    }

    #[test]
    fn too_many_are_refused() {
        let set = set(&[0, 0, 0, 1]);
        let message = |n, balanced| subset(&set, n, Pick::First, balanced).unwrap_err().to_string();
        assert_eq!(message(5, false), "set: subset too large, expected at most 4 examples of all, got 5; try fewer");
        assert_eq!(
            message(4, true),
            "set: subset too large, expected at most 1 examples of class `dog`, got 2; try fewer"
        );
        assert_eq!(
            message(0, false),
            "set: expected at least one example, got none; try another file or a larger subset"
        );
        let targets = Targets::Values { values: vec![0.5], width: 1 };
        let real = Dataset::new("set", vec![1.0], vec![1], targets).unwrap();
        assert_eq!(
            subset(&real, 1, Pick::First, true).unwrap_err().to_string(),
            "set: `balanced = true` does not apply, expected classes, got real targets; try `balanced = false`"
        );
    }
}
