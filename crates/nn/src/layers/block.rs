use onedge_graph::{Error as GraphError, Graph, NodeId};

use super::{Attention, FeedForward, Norm, Over, Sight};
use crate::activations::Activation;
use crate::inits::Scheme;
use crate::{Error, Parameters};

/// A transformer block with the norms first: `x + attention(norm(x))`, then `x + feed_forward(norm(x))`.
#[derive(Debug, Clone)]
pub struct Block {
    attention_norm: Norm,
    attention: Attention,
    dense_norm: Norm,
    dense: FeedForward,
}

/// The sizes of a [`Block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSizes {
    /// Of each position.
    pub width: usize,
    /// Queries of all heads together.
    pub inner: usize,
    /// Heads.
    pub heads: usize,
    /// Hidden width of the dense layers.
    pub hidden: usize,
}

impl Block {
    /// Adds `<name>.attention_norm`, `.attention`, `.dense_norm` and `.dense`.
    ///
    /// # Errors
    /// Those of the parts.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        sizes: BlockSizes,
        sight: Sight,
        activation: Activation,
        init: Scheme,
    ) -> Result<Self, Error> {
        let BlockSizes { width, inner, heads, hidden } = sizes;
        let part = |part: &str| format!("{name}.{part}");
        Ok(Self {
            attention_norm: Norm::new(parameters, &part("attention_norm"), width, Over::Last)?,
            attention: Attention::new(parameters, &part("attention"), [width, inner], heads, sight, init)?,
            dense_norm: Norm::new(parameters, &part("dense_norm"), width, Over::Last)?,
            dense: FeedForward::new(parameters, &part("dense"), [width, hidden], activation, init)?,
        })
    }

    /// The outputs for `x: [n, positions, width]`, with the nodes of all parameters of the model.
    ///
    /// # Errors
    /// [`GraphError::Shape`] if `x` or a parameter has another shape.
    pub fn apply(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, GraphError> {
        let normal = self.attention_norm.apply(g, parameters, x)?;
        let seen = self.attention.apply(g, parameters, normal)?;
        let x = g.add(x, seen)?;
        let normal = self.dense_norm.apply(g, parameters, x)?;
        let mixed = self.dense.apply(g, parameters, normal)?;
        g.add(x, mixed)
    }
}
