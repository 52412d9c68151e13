//! Weights of classes in a loss.

use onedge_graph::{Graph, NodeId};
use onedge_registry::Settings;

use crate::{Error, LossError, Target};

/// What weighs the classes of a loss.
#[derive(Debug, Clone)]
pub enum Weights {
    /// All weigh 1.
    None,
    /// One weight for each class or output, for this setting.
    Given {
        /// The setting, `loss.key`, for errors.
        setting: String,
        /// The weights, none negative.
        weights: Vec<f64>,
    },
    /// To be taken from the training targets.
    Balanced {
        /// The setting, `loss.key`, for errors.
        setting: String,
        /// The weight of a class that has so many of all so many examples, of so many classes.
        weight: fn(count: f64, examples: f64, classes: f64) -> f64,
    },
}

impl Weights {
    /// What the setting `key` of `loss` says: a list, or `balanced`.
    ///
    /// # Errors
    /// [`Error::Setting`] if a weight is negative or not finite, or all are 0.
    pub(crate) fn read(
        settings: &Settings,
        loss: &str,
        key: &str,
        balanced: fn(f64, f64, f64) -> f64,
    ) -> Result<Self, Error> {
        let setting = format!("{loss}.{key}");
        if settings.optional_text(key).is_some() {
            return Ok(Self::Balanced { setting, weight: balanced });
        }
        let Some(weights) = settings.optional_numbers(key) else { return Ok(Self::None) };
        let fits = weights.iter().all(|w| w.is_finite() && *w >= 0.0) && weights.iter().any(|w| *w > 0.0);
        if !fits {
            return Err(settings.out_of_range(key, "finite numbers, zero or more, not all zero").into());
        }
        Ok(Self::Given { setting, weights })
    }

    /// The same with balanced weights taken from `training`, the targets of all examples, row-major.
    ///
    /// # Errors
    /// [`LossError::Unbalanced`] if a class (of two for each output of real targets) has no example.
    pub(crate) fn balanced(&self, target: Target, training: &[f64]) -> Result<Self, Error> {
        let Self::Balanced { setting, weight } = self else { return Ok(self.clone()) };
        let classes = target.outputs();
        let mut counts = vec![0.0; classes];
        match target {
            Target::Classes { .. } | Target::Tokens { .. } => {
                for class in training {
                    counts[*class as usize] += 1.0;
                }
            }
            Target::Values { width } => {
                for (place, t) in training.iter().enumerate() {
                    counts[place % width] += t;
                }
            }
        }
        let (examples, both) = match target {
            Target::Values { width } => ((training.len() / width) as f64, true),
            _ => (training.len() as f64, false),
        };
        let weights: Vec<f64> = counts.iter().map(|&count| weight(count, examples, classes as f64)).collect();
        let bad = |w: &f64| !w.is_finite() || *w <= 0.0;
        match weights.iter().position(bad) {
            Some(class) => Err(LossError::Unbalanced { setting: setting.clone(), class, both }.into()),
            None => Ok(Self::Given { setting: setting.clone(), weights }),
        }
    }

    /// The weights for `target`; `None` if all are 1.
    ///
    /// # Errors
    /// [`LossError::WeightCount`], [`LossError::NotBalanced`].
    pub(crate) fn of(&self, target: Target) -> Result<Option<&[f64]>, Error> {
        match self {
            Self::None => Ok(None),
            Self::Given { weights, .. } if weights.len() == target.outputs() => Ok(Some(weights)),
            Self::Given { setting, weights } => {
                Err(LossError::WeightCount { setting: setting.clone(), target, got: weights.len() }.into())
            }
            Self::Balanced { setting, .. } => Err(LossError::NotBalanced { setting: setting.clone() }.into()),
        }
    }
}

/// For each of the whole numbers `indices`, its weight: shape as `indices`. One comparison for each weight, as no op holds a table:
/// not to be noticed with 100 classes, ten seconds more for a fit of five steps with 1000.
pub(crate) fn look_up(g: &mut Graph, indices: NodeId, weights: &[f64]) -> Result<NodeId, onedge_graph::Error> {
    let mut sum = g.filled_like(0.0, indices)?;
    for (index, &weight) in weights.iter().enumerate() {
        let number = g.filled_like(index as f64, indices)?;
        let here = g.equal(indices, number)?;
        let weighted = g.scale(here, weight)?;
        sum = g.add(sum, weighted)?;
    }
    Ok(sum)
}

/// The setting for weights, as an entry lists it.
pub(crate) const BALANCED: &str = "balanced";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use onedge_registry::Value;

    use crate::{Loss, losses};

    fn loss(name: &str, key: &str, value: &str) -> Result<Loss, Error> {
        losses::build(name, BTreeMap::from([(key.to_owned(), Value::parse(value))]))
    }

    fn weights(loss: &Loss) -> Vec<f64> {
        match loss.weights() {
            Weights::Given { weights, .. } => weights.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// scikit-learn: `compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 2, 2])` is 2/3, 2, 1; PyTorch's
    /// documentation of `pos_weight` has 300 / 100 = 3.
    #[test]
    fn balanced_weights_follow_the_counts() {
        let target = Target::Classes { count: 3 };
        let asked = loss("cross-entropy", "class_weights", "balanced").unwrap();
        let given = weights(&asked.balanced(target, &[0.0, 0.0, 0.0, 1.0, 2.0, 2.0]).unwrap());
        assert_eq!(given, [2.0 / 3.0, 2.0, 1.0]);
        let error = asked.balanced(target, &[0.0, 2.0]).unwrap_err().to_string();
        assert_eq!(
            error,
            "cross-entropy.class_weights: expected training examples of every class to balance, got none of class 1; \
             try a list of weights"
        );
        let asked = loss("binary-cross-entropy", "positive_weights", "balanced").unwrap();
        let rows = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 1.0]].concat();
        assert_eq!(weights(&asked.balanced(Target::Values { width: 2 }, &rows).unwrap()), [3.0, 1.0]);
        let error = asked.balanced(Target::Values { width: 1 }, &[1.0, 1.0]).unwrap_err().to_string();
        assert_eq!(
            error,
            "binary-cross-entropy.positive_weights: expected training examples of both classes to balance, got one alone \
             in output 0; try a list of weights"
        );
    }

    #[test]
    fn weights_that_do_not_fit_are_named() {
        let nodes = |loss: &Loss, target: Target| {
            let mut g = Graph::new();
            let (z, t) = (g.input(target.output_shape(2)), g.input(target.shape(2)));
            loss.nodes(&mut g, z, t, target).unwrap_err().to_string()
        };
        let two = loss("cross-entropy", "class_weights", "[1, 2]").unwrap();
        assert_eq!(
            nodes(&two, Target::Classes { count: 3 }),
            "cross-entropy.class_weights: expected one weight for each of 3 classes, got 2; try a list of 3 numbers or \
             `balanced`"
        );
        let balanced = loss("cross-entropy", "class_weights", "balanced").unwrap();
        assert_eq!(
            nodes(&balanced, Target::Classes { count: 3 }),
            "cross-entropy.class_weights: expected the training targets before the graph, got none; try calling \
             `Loss::balanced` first"
        );
        for bad in ["[1, -1]", "[0, 0]", "[inf, 1]"] {
            let error = loss("cross-entropy", "class_weights", bad).unwrap_err().to_string();
            assert!(
                error.contains("class_weights: expected finite numbers, zero or more, not all zero, got"),
                "{error}"
            );
        }
        let error = loss("cross-entropy", "class_weights", "even").unwrap_err().to_string();
        assert_eq!(error, "cross-entropy.class_weights: expected a list of numbers or `balanced`, got \"even\"");
    }
}
