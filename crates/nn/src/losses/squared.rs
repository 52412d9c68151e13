use onedge_graph::{Graph, NodeId};
use onedge_registry::{Entry, Settings};

use super::build::Build;
use crate::metrics::{of_classes, of_values};
use crate::{Error, Loss, LossError, LossNodes, Target};

/// Half the squared distance.
pub static ENTRY: Entry<Build> = Entry {
    name: "squared",
    summary: "half the squared distance to real targets or to the one-hot label",
    doc: "For each example |z - t|^2 / 2, summed over the outputs z, where t is the target or the one-hot vector of the \
          label. Metrics: `accuracy` for classes (1/k where k largest outputs are equal), of more than 5 `top-5-accuracy`; for values \
          `absolute-error` (mean over the outputs) and `r-squared` (the share of the variance of these targets that is explained, summed over the outputs).",
    settings: &[],
    build,
};

fn build(_: &Settings) -> Result<Loss, Error> {
    Ok(Loss::new(ENTRY.name, |g, outputs, targets, known| match known.target {
        Target::Classes { count } => {
            let places = g.one_hot(targets, count)?;
            let losses = half_squared_distance(g, outputs, places)?;
            Ok(LossNodes { losses, metrics: of_classes(g, outputs, targets)? })
        }
        Target::Tokens { .. } => {
            let (loss, expected, instead) = (ENTRY.name, "classes or values", "cross-entropy");
            Err(LossError::TargetKind { loss, expected, got: known.target, instead }.into())
        }
        Target::Values { .. } => {
            let losses = half_squared_distance(g, outputs, targets)?;
            Ok(LossNodes { losses, metrics: of_values(g, outputs, targets, known.spread)? })
        }
    }))
}

fn half_squared_distance(g: &mut Graph, outputs: NodeId, targets: NodeId) -> Result<NodeId, onedge_graph::Error> {
    let distance = g.sub(outputs, targets)?;
    let square = g.mul(distance, distance)?;
    let sum = g.sum(square, &[1])?;
    g.scale(sum, 0.5)
}
