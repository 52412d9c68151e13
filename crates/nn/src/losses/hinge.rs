use onedge_graph::{Graph, NodeId};
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use crate::loss::write;
use crate::metrics::{binary_accuracy, of_classes};
use crate::{Error, Loss, LossError, LossNodes, Range, Target};

/// What is added to a margin that is out of the question.
const NEVER: f64 = -1e30;

/// The loss of support vector machines.
pub static ENTRY: Entry<Build> = Entry {
    name: "hinge",
    summary: "how much the label's margin falls short of 1",
    doc: "Of targets 0 and 1, for each example the sum over the outputs z of max(0, 1 - y z), where y is -1 for 0 and 1 for 1. Of classes with \
          label y, by `multiclass`: `crammer-singer` max(0, 1 + max z_j - z_y) over the other classes j, or `sum` the sum over them of \
          max(0, 1 + z_j - z_y) (Weston, Watkins; PyTorch's `MultiMarginLoss` divides it by the number of classes). Where a margin is 1 exactly the \
          derivative is that of a larger one, 0; the second derivative is 0 everywhere, so curvature has only the part of the model; other classes \
          that are largest and equal share the derivative. Metric: `accuracy`. Sources: Cortes, Vapnik 1995, Machine Learning 20; Crammer, Singer \
          2001, JMLR 2; Weston, Watkins 1999, ESANN. The default is that of scikit-learn's `hinge_loss`.",
    settings: &[setting(
        "multiclass",
        Kind::Text,
        Default::Is("crammer-singer"),
        "of classes: `crammer-singer`, the worst other class, or `sum`, all other classes",
    )],
    build,
};

fn build(settings: &Settings) -> Result<Loss, Error> {
    let all = match settings.text("multiclass") {
        "crammer-singer" => false,
        "sum" => true,
        _ => return Err(settings.out_of_range("multiclass", "`crammer-singer` or `sum`").into()),
    };
    let loss = Loss::new(ENTRY.name, move |g, outputs, targets, known| match known.target {
        Target::Values { .. } => {
            let losses = write(g, |f| {
                let side = f.value(targets) * 2.0 - 1.0;
                (1.0 - side * f.value(outputs)).relu().sum(&[1])
            })?;
            Ok(LossNodes { losses, metrics: vec![("accuracy", binary_accuracy(g, outputs, targets)?)] })
        }
        Target::Classes { count } => {
            let losses = of_classes_nodes(g, outputs, targets, count, all)?;
            Ok(LossNodes { losses, metrics: of_classes(g, outputs, targets)? })
        }
        Target::Tokens { .. } => {
            let (loss, expected, instead) = (ENTRY.name, "values 0 and 1 or classes", "cross-entropy");
            Err(LossError::TargetKind { loss, expected, got: known.target, instead }.into())
        }
    });
    Ok(loss.with_range(Range::Binary))
}

fn of_classes_nodes(
    g: &mut Graph,
    outputs: NodeId,
    labels: NodeId,
    classes: usize,
    all: bool,
) -> Result<NodeId, onedge_graph::Error> {
    let picked = g.pick(outputs, labels)?;
    let spread = g.broadcast_last(picked, outputs)?;
    let label = g.one_hot(labels, classes)?;
    let never = g.filled_like(NEVER, outputs)?;
    let short = write(g, |f| 1.0 + f.value(outputs) - f.value(spread))?;
    let short = g.select(label, never, short)?;
    write(g, |f| {
        let short = f.value(short);
        if all { short.relu().sum(&[1]) } else { short.reduce_max(1).relu() }
    })
}
