//! `softplus(x) = ln(1 + e^x)`

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Softplus, elementwise, without overflow: `max(x, 0) + ln(1 + e^-|x|)`.
pub static SOFTPLUS: Op = Op {
    name: "softplus",
    source: include_str!("softplus.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let x = g.operand(y, 0);
        let slope = g.sigmoid(x)?;
        g.mul(slope, t)
    })],
    evaluate: |_, inputs, _| map(inputs, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
    ..UNARY
};

impl Graph {
    /// Softplus, elementwise, without overflow: `max(x, 0) + ln(1 + e^-|x|)`.
    pub fn softplus(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SOFTPLUS, Attributes::None, &[x])
    }
}
