use std::fmt;
use std::sync::Arc;

use onedge_graph::{Formula, Graph, NodeId, Value};

use crate::{Error, Link, LossError, Range, Target, Weights};

/// A way to compare outputs with targets.
#[derive(Clone)]
pub struct Loss {
    name: &'static str,
    compare: Arc<Compare>,
    range: Range,
    weights: Weights,
    spread: Option<f64>,
    link: Link,
}

/// From the outputs `[batch, outputs]`, the targets, what they mean and what is known of them, the losses and metrics.
type Compare = dyn Fn(&mut Graph, NodeId, NodeId, LossContext) -> Result<LossNodes, Error> + Send + Sync;

/// What a loss knows of its targets.
#[derive(Debug, Clone, Copy)]
pub struct LossContext<'a> {
    /// What they mean.
    pub target: Target,
    /// One weight for each class or output; `None` if all are 1.
    pub weights: Option<&'a [f64]>,
    /// The mean over the examples of the squared distance of real targets from their mean, summed over the outputs; `None` if
    /// it is not known, or 0.
    pub spread: Option<f64>,
}

/// What a loss computes for each example.
#[derive(Debug, Clone)]
pub struct LossNodes {
    /// The loss of each example: `[batch]`.
    pub losses: NodeId,
    /// Further values of each example, by name: `[batch]`.
    pub metrics: Vec<(&'static str, NodeId)>,
}

impl Loss {
    /// The loss `name` that builds its nodes so, for any real targets, without weights.
    pub fn new(
        name: &'static str,
        compare: impl Fn(&mut Graph, NodeId, NodeId, LossContext) -> Result<LossNodes, Error> + Send + Sync + 'static,
    ) -> Self {
        let (range, weights, link) = (Range::Any, Weights::None, Link::Identity);
        Self { name, compare: Arc::new(compare), range, weights, spread: None, link }
    }

    /// The same for real targets in `range` alone.
    pub fn with_range(self, range: Range) -> Self {
        Self { range, ..self }
    }

    /// The same for outputs of which predictions follow by `link`.
    pub fn with_link(self, link: Link) -> Self {
        Self { link, ..self }
    }

    /// How predictions follow from outputs.
    pub fn link(&self) -> Link {
        self.link
    }

    /// The same with weights.
    pub fn with_weights(self, weights: Weights) -> Self {
        Self { weights, ..self }
    }

    /// What weighs its classes.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// What real targets must be.
    pub fn range(&self) -> Range {
        self.range
    }

    /// The same loss with balanced weights, where it asks for them, taken from the targets of all training examples, row-major. Without that,
    /// [`nodes`](Self::nodes) reports an error for such a loss.
    ///
    /// # Errors
    /// [`LossError::Unbalanced`] if a class has no example.
    pub fn balanced(&self, target: Target, training: &[f64]) -> Result<Self, Error> {
        Ok(self.clone().with_weights(self.weights.balanced(target, training)?))
    }

    /// The same loss for a set of examples with these targets, all of them, row-major: they are checked, and with real targets that differ R^2 joins the metrics.
    ///
    /// # Errors
    /// [`LossError::TargetValue`] if a real target is not in [`range`](Self::range).
    pub fn on(&self, target: Target, targets: &[f64]) -> Result<Self, Error> {
        let Target::Values { width } = target else { return Ok(self.clone()) };
        if let Some(place) = targets.iter().position(|&t| !self.range.contains(t)) {
            let (loss, expected, got) = (self.name, self.range, targets[place]);
            return Err(
                LossError::TargetValue { loss, example: place / width, output: place % width, expected, got }.into()
            );
        }
        Ok(Self { spread: spread(targets, width), ..self.clone() })
    }

    /// The losses for `outputs: [batch, outputs]` and `targets`, of the shape that [`Target::shape`] gives.
    ///
    /// # Errors
    /// [`LossError::TargetKind`] if the loss does not take such targets, [`Error::Graph`] if shapes do not fit, [`LossError::WeightCount`] or
    /// [`LossError::NotBalanced`] if weights do not.
    pub fn nodes(&self, g: &mut Graph, outputs: NodeId, targets: NodeId, target: Target) -> Result<LossNodes, Error> {
        let weights = self.weights.of(target)?;
        (self.compare)(g, outputs, targets, LossContext { target, weights, spread: self.spread })
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loss({})", self.name)
    }
}

/// The mean squared distance of rows from their mean, if it is positive.
fn spread(targets: &[f64], width: usize) -> Option<f64> {
    let examples = targets.len() / width;
    let of_output = |output: usize| {
        let column = || targets.iter().skip(output).step_by(width);
        let mean = column().sum::<f64>() / examples as f64;
        column().map(|t| (t - mean).powi(2)).sum::<f64>() / examples as f64
    };
    let spread: f64 = (0..width).map(of_output).sum();
    (spread > 0.0).then_some(spread)
}

/// Adds what `formula` makes to the graph, which keeps what it has whether that succeeds or not.
pub(crate) fn write(
    g: &mut Graph,
    formula: impl for<'g> FnOnce(&'g Formula) -> Value<'g>,
) -> Result<NodeId, onedge_graph::Error> {
    let on = Formula::on(std::mem::take(g));
    let node = on.node(formula(&on));
    *g = on.into_graph();
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_formula_leaves_the_graph() {
        let mut g = Graph::new();
        let x = g.input(onedge_graph::Shape::new(&[2, 3]));
        assert!(write(&mut g, |f| f.value(x).matmul(f.value(x))).is_err());
        assert_eq!(g.shape(x)[..], [2, 3]);
        let y = write(&mut g, |f| f.value(x) * 2.0).unwrap();
        assert_eq!(g.shape(y)[..], [2, 3]);
    }

    /// Columns 1, 3 and 2, 8: variances 1 and 9.
    #[test]
    fn the_spread_is_the_sum_of_the_variances() {
        assert_eq!(spread(&[1.0, 2.0, 3.0, 8.0], 2), Some(10.0));
        assert_eq!(spread(&[5.0, 5.0], 1), None);
    }

    #[test]
    fn targets_out_of_range_are_named() {
        let on = |name: &str, width: usize, targets: &[f64]| {
            let loss = crate::losses::build(name, Default::default()).unwrap();
            loss.on(Target::Values { width }, targets).map(|_| ()).map_err(|error| error.to_string())
        };
        let named = |name: &str, place: &str, expected: &str, got: &str| {
            Err(format!("{name}: {place}: expected {expected}, got {got}; try other targets or another loss"))
        };
        let (binary, count) = ("binary-cross-entropy", "a number, zero or more");
        assert_eq!(
            on(binary, 2, &[0.0, 1.0, 0.5, 1.5]),
            named(binary, "target 1 of example 1", "a number from 0 to 1", "1.5")
        );
        assert_eq!(on("poisson", 1, &[0.0, 2.5, -1.0]), named("poisson", "target 0 of example 2", count, "-1"));
        assert_eq!(on("hinge", 1, &[0.0, -1.0]), named("hinge", "target 0 of example 1", "0 or 1", "-1"));
        assert_eq!(on("hinge", 1, &[0.0, 1.0]), Ok(()));
        assert_eq!(on("squared", 1, &[-7.0, 1e9]), Ok(()));
    }
}
