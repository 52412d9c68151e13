//! `cos(x)`, x in radians. Its derivative is `-sin(x)`.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Cosine, elementwise, of an angle in radians.
pub static COS: Op = Op {
    name: "cos",
    source: include_str!("cos.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let slope = g.sin(g.operand(y, 0))?;
        let falling = g.neg(slope)?;
        g.mul(falling, t)
    })],
    evaluate: |_, inputs, _| map(inputs, f64::cos),
    ..UNARY
};

impl Graph {
    /// Cosine, elementwise, of an angle in radians.
    pub fn cos(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&COS, Attributes::None, &[x])
    }
}
