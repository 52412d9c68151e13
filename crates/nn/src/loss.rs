use std::fmt;

use onedge_graph::{Graph, NodeId};

use crate::{Error, Target};

/// A way to compare outputs with targets.
pub struct Loss(Box<Compare>);

/// From the outputs `[batch, outputs]`, the targets and what they mean, the losses and metrics.
type Compare = dyn Fn(&mut Graph, NodeId, NodeId, Target) -> Result<LossNodes, Error> + Send + Sync;

/// What a loss computes for each example.
#[derive(Debug, Clone)]
pub struct LossNodes {
    /// The loss of each example: `[batch]`.
    pub losses: NodeId,
    /// Further values of each example, by name: `[batch]`.
    pub metrics: Vec<(&'static str, NodeId)>,
}

impl Loss {
    /// A loss that builds its nodes so.
    pub fn new(
        compare: impl Fn(&mut Graph, NodeId, NodeId, Target) -> Result<LossNodes, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(compare))
    }

    /// The losses for `outputs: [batch, outputs]` and `targets`, of the shape that [`Target::shape`] gives.
    ///
    /// # Errors
    /// [`Error::TargetKind`] if the loss does not take such targets, [`Error::Graph`] if shapes do not fit.
    pub fn nodes(&self, g: &mut Graph, outputs: NodeId, targets: NodeId, target: Target) -> Result<LossNodes, Error> {
        (self.0)(g, outputs, targets, target)
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loss(..)")
    }
}
