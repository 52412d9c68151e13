//! `abs(x) = |x|`. At 0 the derivative is 0; the second derivative is 0 everywhere.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Absolute value, elementwise.
pub static ABS: Op = Op {
    name: "abs",
    source: include_str!("abs.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let slope = g.sign(g.operand(y, 0))?;
        g.mul(slope, t)
    })],
    evaluate: |_, inputs, _| map(inputs, f64::abs),
    ..UNARY
};

impl Graph {
    /// Absolute value, elementwise.
    pub fn abs(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&ABS, Attributes::None, &[x])
    }
}
