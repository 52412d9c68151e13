//! `relu(x) = max(x, 0)`. At 0 the derivative is 0; the second derivative is 0 everywhere.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Rectifier, elementwise.
pub static RELU: Op = Op {
    name: "relu",
    source: include_str!("relu.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        // The result tells the sign as well as the input does, and is kept anyway.
        let slope = g.step(y)?;
        g.mul(slope, t)
    })],
    evaluate: |_, inputs, _| map(inputs, |x| x.max(0.0)),
    ..UNARY
};

impl Graph {
    /// Rectifier, elementwise.
    pub fn relu(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&RELU, Attributes::None, &[x])
    }
}
