//! `sin(x)`, x in radians. Its derivative is `cos(x)`.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Sine, elementwise, of an angle in radians.
pub static SIN: Op = Op {
    name: "sin",
    source: include_str!("sin.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let slope = g.cos(g.operand(y, 0))?;
        g.mul(slope, t)
    })],
    evaluate: |_, inputs, _| map(inputs, f64::sin),
    ..UNARY
};

impl Graph {
    /// Sine, elementwise, of an angle in radians.
    pub fn sin(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SIN, Attributes::None, &[x])
    }
}
