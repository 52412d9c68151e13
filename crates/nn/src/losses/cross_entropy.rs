use onedge_graph::{Graph, NodeId};
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::Build;
use crate::metrics::accuracy;
use crate::{Error, Loss, LossNodes, Target};

/// Softmax cross-entropy.
pub static ENTRY: Entry<Build> = Entry {
    name: "cross-entropy",
    summary: "softmax cross-entropy on classes",
    doc: "With logits z, label y, K classes and label smoothing s: logsumexp(z) - (1 - s) z_y - s mean(z), the \
          cross-entropy of softmax(z) against (1 - s) one-hot(y) + s/K; natural logarithm. The metric `accuracy` counts \
          1/k where k largest logits are equal. Source of label smoothing: Szegedy et al. 2015, arXiv 1512.00567, \
          section 7.",
    settings: &[setting(
        "label_smoothing",
        Kind::Number,
        Default::Is("0.0"),
        "weight of the uniform target, in [0, 1)",
    )],
    build,
};

fn build(settings: &Settings) -> Result<Loss, Error> {
    let smoothing = settings
        .number_where("label_smoothing", "a number from 0 up to, not including, 1", |s| (0.0..1.0).contains(&s))?;
    Ok(Loss::new(move |g, outputs, targets, target| match target {
        Target::Classes { .. } => nodes(g, outputs, targets, smoothing),
        Target::Values { .. } => {
            let (loss, expected, instead) = ("cross-entropy", "classes", "squared");
            Err(Error::TargetKind { loss, expected, got: target, instead })
        }
    }))
}

fn nodes(g: &mut Graph, logits: NodeId, labels: NodeId, smoothing: f64) -> Result<LossNodes, Error> {
    let total = g.logsumexp(logits)?;
    let picked = g.pick(logits, labels)?;
    let weighted = g.scale(picked, 1.0 - smoothing)?;
    let mut losses = g.sub(total, weighted)?;
    if smoothing > 0.0 {
        let classes = g.shape(logits)[1];
        let sum = g.sum(logits, &[1])?;
        let uniform = g.scale(sum, smoothing / classes as f64)?;
        losses = g.sub(losses, uniform)?;
    }
    Ok(LossNodes { losses, metrics: vec![("accuracy", accuracy(g, logits, labels)?)] })
}
