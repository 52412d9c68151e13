//! `expm1(x) = e^x - 1`, exact also where x is small.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// `e^x - 1`, elementwise.
pub static EXPM1: Op = Op {
    name: "expm1",
    source: include_str!("expm1.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let one = g.filled_like(1.0, y)?;
        let slope = g.add(y, one)?;
        g.mul(slope, t)
    })],
    evaluate: |_, inputs, _| map(inputs, f64::exp_m1),
    ..UNARY
};

impl Graph {
    /// `e^x - 1`, elementwise.
    pub fn expm1(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&EXPM1, Attributes::None, &[x])
    }
}
