//! `reciprocal(x) = 1 / x`

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Case, Domain, Error, Graph, NodeId, Op};

/// Reciprocal, elementwise.
pub static RECIPROCAL: Op = Op {
    name: "reciprocal",
    source: include_str!("reciprocal.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let square = g.mul(y, y)?;
        let slope = g.mul(square, t)?;
        g.neg(slope)
    })],
    evaluate: |_, inputs, _| map(inputs, f64::recip),
    cases: || vec![Case::elementwise(&[Domain::Positive])],
    ..UNARY
};

impl Graph {
    /// Reciprocal, elementwise.
    pub fn reciprocal(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&RECIPROCAL, Attributes::None, &[x])
    }
}
