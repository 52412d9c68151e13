//! `exp(x) = e^x`

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Exponential, elementwise.
pub static EXP: Op = Op {
    name: "exp",
    source: include_str!("exp.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| g.mul(y, t))],
    evaluate: |_, inputs, _| map(inputs, f64::exp),
    ..UNARY
};

impl Graph {
    /// Exponential, elementwise.
    pub fn exp(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&EXP, Attributes::None, &[x])
    }
}
