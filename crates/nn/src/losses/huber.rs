use onedge_graph::{Formula, Graph, NodeId};
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::Build;
use crate::metrics::absolute_error;
use crate::{Error, Loss, LossNodes, Target};

/// Half the squared distance near the target, its tangent further out.
pub static ENTRY: Entry<Build> = Entry {
    name: "huber",
    summary: "half the squared distance near real targets, linear further out",
    doc: "For each example the sum over the outputs of r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), with r = z - t for the output \
          z and the target t. The derivative is r cut to -delta .. delta; the second derivative is 1 inside, 0 outside and at |r| = delta. \
          Metric: `absolute-error` (mean over the outputs). Source: Huber 1964, Annals of Mathematical Statistics 35.",
    settings: &[setting(
        "delta",
        Kind::Number,
        Default::Is("1.0"),
        "distance from which on the loss is linear, positive",
    )],
    build,
};

fn build(settings: &Settings) -> Result<Loss, Error> {
    let delta = settings.number_where("delta", "a positive finite number", |x| x > 0.0 && x.is_finite())?;
    Ok(Loss::new(move |g, outputs, targets, target| match target {
        Target::Values { .. } => {
            let losses = nodes(g, outputs, targets, delta)?;
            Ok(LossNodes { losses, metrics: vec![("absolute-error", absolute_error(g, outputs, targets)?)] })
        }
        Target::Classes { .. } | Target::Tokens { .. } => {
            let (loss, expected, instead) = ("huber", "values", "cross-entropy");
            Err(Error::TargetKind { loss, expected, got: target, instead })
        }
    }))
}

/// `c (r - c / 2)` with c the distance r cut to `-delta ..= delta`: inside it is `r^2 / 2`, outside the tangent.
fn nodes(g: &mut Graph, outputs: NodeId, targets: NodeId, delta: f64) -> Result<NodeId, onedge_graph::Error> {
    let formula = Formula::on(std::mem::take(g));
    let distance = formula.value(outputs) - formula.value(targets);
    let cut = distance.clamp(-delta, delta);
    let (graph, [losses]) = formula.finish([(cut * (distance - cut * 0.5)).sum(&[1])])?;
    *g = graph;
    Ok(losses)
}
