//! `log1p(x) = ln(1 + x)`, exact also where x is small.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Case, Domain, Error, Graph, NodeId, Op};

/// Natural logarithm of `1 + x`, elementwise.
pub static LOG1P: Op = Op {
    name: "log1p",
    source: include_str!("log1p.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let x = g.operand(y, 0);
        let one = g.filled_like(1.0, x)?;
        let sum = g.add(one, x)?;
        g.div(t, sum)
    })],
    evaluate: |_, inputs, _| map(inputs, f64::ln_1p),
    cases: || vec![Case::elementwise(&[Domain::Positive])],
    ..UNARY
};

impl Graph {
    /// Natural logarithm of `1 + x`, elementwise.
    pub fn log1p(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&LOG1P, Attributes::None, &[x])
    }
}
