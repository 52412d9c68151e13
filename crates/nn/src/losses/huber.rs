use onedge_graph::{Graph, NodeId};
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use crate::loss::write;
use crate::metrics::of_values;
use crate::{Error, Loss, LossError, LossNodes, Target};

/// Half the squared distance near the target, its tangent further out.
pub static ENTRY: Entry<Build> = Entry {
    name: "huber",
    summary: "half the squared distance near real targets, linear further out",
    doc: "For each example the sum over the outputs of r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), with r = z - t for the output \
          z and the target t. The derivative is r cut to -delta .. delta; the second derivative is 1 inside, 0 outside and at |r| = delta. \
          Metrics: `absolute-error` (mean over the outputs) and `r-squared`. Source: Huber 1964, Annals of Mathematical Statistics 35.",
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
    Ok(Loss::new(ENTRY.name, move |g, outputs, targets, known| match known.target {
        Target::Values { .. } => {
            let losses = nodes(g, outputs, targets, delta)?;
            Ok(LossNodes { losses, metrics: of_values(g, outputs, targets, known.spread)? })
        }
        Target::Classes { .. } | Target::Tokens { .. } => {
            let (loss, expected, instead) = (ENTRY.name, "values", "cross-entropy");
            Err(LossError::TargetKind { loss, expected, got: known.target, instead }.into())
        }
    }))
}

/// `c (r - c / 2)` with c the distance r cut to `-delta ..= delta`: inside it is `r^2 / 2`, outside the tangent.
fn nodes(g: &mut Graph, outputs: NodeId, targets: NodeId, delta: f64) -> Result<NodeId, onedge_graph::Error> {
    write(g, |f| {
        let distance = f.value(outputs) - f.value(targets);
        let cut = distance.clamp(-delta, delta);
        (cut * (distance - cut * 0.5)).sum(&[1])
    })
}
