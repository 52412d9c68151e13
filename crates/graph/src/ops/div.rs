//! `div(a, b) = a / b`

use super::elementwise::{BINARY, zip};
use crate::{Argument, Attributes, Case, Domain, Error, Graph, NodeId, Op};

/// Quotient, elementwise.
pub static DIV: Op = Op {
    name: "div",
    source: include_str!("div.rs"),
    arguments: &[Argument::Linear(|g, y, ct| g.div(ct, g.operand(y, 1))), Argument::Nonlinear(jvp_divisor)],
    evaluate: |_, inputs, _| zip(inputs, |a, b| a / b),
    cases: || vec![Case::elementwise(&[Domain::Real, Domain::Positive])],
    ..BINARY
};

impl Graph {
    /// Quotient, elementwise.
    pub fn div(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&DIV, Attributes::None, &[a, b])
    }
}

fn jvp_divisor(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let b = g.operand(y, 1);
    let ratio = g.div(y, b)?;
    let slope = g.mul(ratio, t)?;
    g.neg(slope)
}
