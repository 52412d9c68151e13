use onedge_graph::{Error as GraphError, Graph, NodeId};

use super::{Bias, Dense};
use crate::activations::Activation;
use crate::inits::Scheme;
use crate::{Error, Parameters};

/// Two dense layers with an activation between, along the last axis: `activation(x W1 + b1) W2 + b2`.
#[derive(Debug, Clone)]
pub struct FeedForward {
    inner: Dense,
    outer: Dense,
    activation: Activation,
}

impl FeedForward {
    /// Adds `<name>.inner` `[width, hidden]` and `<name>.outer` `[hidden, width]`.
    ///
    /// # Errors
    /// [`Error::TooManyParameters`]
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        [width, hidden]: [usize; 2],
        activation: Activation,
        init: Scheme,
    ) -> Result<Self, Error> {
        let mut dense = |part: &str, inputs: usize, outputs: usize| {
            Dense::new(parameters, &format!("{name}.{part}"), [inputs, outputs], init(inputs, outputs), Bias::Zeros)
        };
        Ok(Self { inner: dense("inner", width, hidden)?, outer: dense("outer", hidden, width)?, activation })
    }

    /// The outputs for `x`, with the nodes of all parameters of the model.
    ///
    /// # Errors
    /// [`GraphError::Shape`] if `x` or a parameter has another shape.
    pub fn apply(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, GraphError> {
        let hidden = self.inner.apply(g, parameters, x)?;
        let hidden = (self.activation)(g, hidden)?;
        self.outer.apply(g, parameters, hidden)
    }
}
