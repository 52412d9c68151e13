//! What is told about predictions beside the loss; never differentiated.

mod absolute_error;
mod accuracy;
mod binary_accuracy;
mod direction;
mod r_squared;
mod top_k;

use onedge_graph::{Error, Graph, NodeId};

pub use absolute_error::absolute_error;
pub use accuracy::accuracy;
pub use binary_accuracy::binary_accuracy;
pub use direction::Direction;
pub use r_squared::r_squared;
pub use top_k::top_k;

/// The metrics of predicted classes: `accuracy`, and of more than 5 classes `top-5-accuracy`.
pub(crate) fn of_classes(g: &mut Graph, logits: NodeId, labels: NodeId) -> Result<Vec<(&'static str, NodeId)>, Error> {
    /// As ImageNet is judged: Russakovsky et al. 2015, arXiv 1409.0575.
    const TOP: usize = 5;
    let classes = g.shape(logits).last().copied().unwrap_or(0);
    let mut metrics = vec![("accuracy", accuracy(g, logits, labels)?)];
    if classes > TOP {
        metrics.push(("top-5-accuracy", top_k(g, logits, labels, TOP)?));
    }
    Ok(metrics)
}

/// The metrics of predicted values: `absolute-error`, and `r-squared` where the spread of the targets is known.
pub(crate) fn of_values(
    g: &mut Graph,
    predictions: NodeId,
    targets: NodeId,
    spread: Option<f64>,
) -> Result<Vec<(&'static str, NodeId)>, Error> {
    let mut metrics = vec![("absolute-error", absolute_error(g, predictions, targets)?)];
    if let Some(spread) = spread {
        metrics.push(("r-squared", r_squared(g, predictions, targets, spread)?));
    }
    Ok(metrics)
}
