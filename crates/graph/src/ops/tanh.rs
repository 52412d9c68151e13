//! `tanh(x) = (e^x - e^-x) / (e^x + e^-x)`

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Hyperbolic tangent, elementwise.
pub static TANH: Op = Op {
    name: "tanh",
    source: include_str!("tanh.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let square = g.mul(y, y)?;
        let one = g.filled_like(1.0, y)?;
        let slope = g.sub(one, square)?;
        g.mul(slope, t)
    })],
    evaluate: |_, inputs, _| map(inputs, f64::tanh),
    ..UNARY
};

impl Graph {
    /// Hyperbolic tangent, elementwise.
    pub fn tanh(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&TANH, Attributes::None, &[x])
    }
}
