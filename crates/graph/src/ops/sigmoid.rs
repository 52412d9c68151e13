//! `sigmoid(x) = 1 / (1 + e^-x)`

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Logistic function, elementwise.
pub static SIGMOID: Op = Op {
    name: "sigmoid",
    source: include_str!("sigmoid.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let one = g.filled_like(1.0, y)?;
        let rest = g.sub(one, y)?;
        let slope = g.mul(y, rest)?;
        g.mul(slope, t)
    })],
    evaluate: |_, inputs, _| map(inputs, |x| 1.0 / (1.0 + (-x).exp())),
    ..UNARY
};

impl Graph {
    /// Logistic function, elementwise.
    pub fn sigmoid(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SIGMOID, Attributes::None, &[x])
    }
}
