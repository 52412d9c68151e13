use onedge_graph::{Graph, NodeId};
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use crate::metrics::of_classes;
use crate::weights::{BALANCED, look_up};
use crate::{Error, Link, Loss, LossError, LossNodes, Target, Weights};

/// Softmax cross-entropy.
pub static ENTRY: Entry<Build> = Entry {
    name: "cross-entropy",
    summary: "softmax cross-entropy on classes or tokens",
    doc: "With logits z, label y, K classes and label smoothing s: logsumexp(z) - (1 - s) z_y - s mean(z), the \
          cross-entropy of softmax(z) against (1 - s) one-hot(y) + s/K; natural logarithm. Of tokens the mean over places. With \
          `class_weights` times the weight of the label; the mean is over the examples (places of tokens) all the same, where PyTorch divides by the weights \
          of the labels in the batch. `balanced` weighs class c with n / (K n_c), n_c of the n training examples (scikit-learn's \
          `balanced`): their mean is 1, so over all training examples both means agree. The metric `accuracy` counts \
          1/k where k largest logits are equal; of more than 5 classes there is `top-5-accuracy`. Source of label smoothing: Szegedy et al. 2015, arXiv 1512.00567, \
          section 7.",
    settings: &[
        setting("label_smoothing", Kind::Number, Default::Is("0.0"), "weight of the uniform target, in [0, 1)"),
        setting(
            "class_weights",
            Kind::NumbersOr(BALANCED),
            Default::Absent,
            "what each class weighs, a list or `balanced`; 1 if absent",
        ),
    ],
    build,
};

fn build(settings: &Settings) -> Result<Loss, Error> {
    let smoothing = settings
        .number_where("label_smoothing", "a number from 0 up to, not including, 1", |s| (0.0..1.0).contains(&s))?;
    let balanced = |count: f64, examples: f64, classes: f64| examples / (classes * count);
    let weights = Weights::read(settings, ENTRY.name, "class_weights", balanced)?;
    let loss = Loss::new(ENTRY.name, move |g, outputs, targets, known| match known.target {
        Target::Classes { .. } => nodes(g, outputs, targets, smoothing, known.weights),
        Target::Tokens { .. } => {
            let mut nodes = nodes(g, outputs, targets, smoothing, known.weights)?;
            nodes.losses = g.mean(nodes.losses, &[1])?;
            for (_, metric) in &mut nodes.metrics {
                *metric = g.mean(*metric, &[1])?;
            }
            Ok(nodes)
        }
        Target::Values { .. } => {
            let (loss, expected, instead) = (ENTRY.name, "classes", "squared");
            Err(LossError::TargetKind { loss, expected, got: known.target, instead }.into())
        }
    });
    Ok(loss.with_weights(weights).with_link(Link::Softmax))
}

/// The loss is `logsumexp(d) - s mean(d)` with the margins `d = z - z_y`, which is the formula above. Written so, the
/// label's entry of `d`, of its tangents and of its adjoints is exactly zero, and what is left is small where the label
/// wins. As `logsumexp(z) - z_y`, loss, gradient and curvature of a fitted model are lost in the rounding of its logits.
fn nodes(
    g: &mut Graph,
    logits: NodeId,
    labels: NodeId,
    smoothing: f64,
    weights: Option<&[f64]>,
) -> Result<LossNodes, Error> {
    let picked = g.pick(logits, labels)?;
    let spread = g.broadcast_last(picked, logits)?;
    let margins = g.sub(logits, spread)?;
    let last = g.shape(logits).rank() - 1;
    let label = g.one_hot(labels, g.shape(logits)[last])?;
    let one = g.filled_like(1.0, logits)?;
    let others = g.sub(one, label)?;
    let margins = g.mul(others, margins)?;
    let mut losses = g.logsumexp(margins)?;
    if smoothing > 0.0 {
        let mean = g.mean(margins, &[last])?;
        let uniform = g.scale(mean, smoothing)?;
        losses = g.sub(losses, uniform)?;
    }
    if let Some(weights) = weights {
        let weight = look_up(g, labels, weights)?;
        losses = g.mul(weight, losses)?;
    }
    Ok(LossNodes { losses, metrics: of_classes(g, logits, labels)? })
}
