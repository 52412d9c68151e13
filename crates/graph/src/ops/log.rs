//! `log(x) = ln x`

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Case, Domain, Error, Graph, NodeId, Op};

/// Natural logarithm, elementwise.
pub static LOG: Op = Op {
    name: "log",
    source: include_str!("log.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let x = g.operand(y, 0);
        g.div(t, x)
    })],
    evaluate: |_, inputs, _| map(inputs, f64::ln),
    cases: || vec![Case::elementwise(&[Domain::Positive])],
    ..UNARY
};

impl Graph {
    /// Natural logarithm, elementwise.
    pub fn log(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&LOG, Attributes::None, &[x])
    }
}
