//! `sqrt(x) = x^(1/2)`

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Case, Domain, Error, Graph, NodeId, Op};

/// Square root, elementwise.
pub static SQRT: Op = Op {
    name: "sqrt",
    source: include_str!("sqrt.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let slope = g.div(t, y)?;
        g.scale(slope, 0.5)
    })],
    evaluate: |_, inputs, _| map(inputs, f64::sqrt),
    cases: || vec![Case::elementwise(&[Domain::Positive])],
    ..UNARY
};

impl Graph {
    /// Square root, elementwise.
    pub fn sqrt(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SQRT, Attributes::None, &[x])
    }
}
