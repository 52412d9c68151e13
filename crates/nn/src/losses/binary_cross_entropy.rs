use onedge_graph::{Graph, NodeId};
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use crate::loss::write;
use crate::metrics::{binary_accuracy, of_classes};
use crate::weights::{BALANCED, look_up};
use crate::{Error, Link, Loss, LossError, LossNodes, Range, Target, Weights};

/// Cross-entropy of independent yes or no answers.
pub static ENTRY: Entry<Build> = Entry {
    name: "binary-cross-entropy",
    summary: "cross-entropy of yes or no, for each output by itself",
    doc: "With logits z and targets t from 0 to 1, for each example the sum over the outputs of -p t ln sigmoid(z) - (1 - t) ln sigmoid(-z), with \
          the weight p of positives, 1 unless `positive_weights` is given; natural logarithm. Exact for large logits of either sign: loss, first and \
          second derivative lose nothing to rounding. Classes are taken as one-hot targets, one output against the rest. The mean is over the \
          examples, whatever the weights (PyTorch's `BCEWithLogitsLoss` divides by the number of outputs, too). `balanced` weighs positives with \
          negatives / positives of the training examples, each output by itself. Metric: `accuracy`, the share of outputs on the right side of \
          0 (of classes: whose logit is largest).",
    settings: &[setting(
        "positive_weights",
        Kind::NumbersOr(BALANCED),
        Default::Absent,
        "what positives weigh in each output, a list or `balanced`; 1 if absent",
    )],
    build,
};

fn build(settings: &Settings) -> Result<Loss, Error> {
    let ratio = |positives: f64, examples: f64, _| (examples - positives) / positives;
    let weights = Weights::read(settings, ENTRY.name, "positive_weights", ratio)?;
    let loss = Loss::new(ENTRY.name, |g, outputs, targets, known| match known.target {
        Target::Values { .. } => {
            let losses = nodes(g, outputs, targets, known.weights)?;
            Ok(LossNodes { losses, metrics: vec![("accuracy", binary_accuracy(g, outputs, targets)?)] })
        }
        Target::Classes { count } => {
            let places = g.one_hot(targets, count)?;
            let losses = nodes(g, outputs, places, known.weights)?;
            Ok(LossNodes { losses, metrics: of_classes(g, outputs, targets)? })
        }
        Target::Tokens { .. } => {
            let (loss, expected, instead) = (ENTRY.name, "values from 0 to 1 or classes", "cross-entropy");
            Err(LossError::TargetKind { loss, expected, got: known.target, instead }.into())
        }
    });
    Ok(loss.with_range(Range::Unit).with_weights(weights).with_link(Link::Sigmoid))
}

/// With `a = p t` and `b = 1 - t` it is `a softplus(-z) + b softplus(z)`, where softplus(x) = max(x, 0) + softplus(-|x|). So one softplus of
/// `-|z|` serves both terms, and the second derivative is s (1 - s) with s = sigmoid(-|z|) at most 1/2, which rounding leaves alone; with
/// s near 1 it would be lost. At 0 the branch of z <= 0 is taken in all three terms, as |z| and max(z, 0) alone would have the
/// derivative 0 there.
fn nodes(
    g: &mut Graph,
    logits: NodeId,
    targets: NodeId,
    weights: Option<&[f64]>,
) -> Result<NodeId, onedge_graph::Error> {
    let positive = match weights {
        None => targets,
        Some(weights) => {
            let output = g.iota(g.shape(logits).clone(), 1)?;
            let weight = look_up(g, output, weights)?;
            g.mul(weight, targets)?
        }
    };
    let (zero, minus, above) = (g.filled_like(0.0, logits)?, g.neg(logits)?, g.step(logits)?);
    let excess = g.select(above, logits, zero)?;
    let lack = g.select(above, zero, minus)?;
    let distance = g.select(above, minus, logits)?;
    write(g, |f| {
        let [a, t, excess, lack, distance] = [positive, targets, excess, lack, distance].map(|id| f.value(id));
        let b = 1.0 - t;
        (a * lack + b * excess + (a + b) * distance.softplus()).sum(&[1])
    })
}
