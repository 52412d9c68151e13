//! `maximum(a, b) = max(a, b)`. Where they are equal the derivative is that of `b`; the second derivative is 0.

use super::elementwise::{BINARY, chosen, zip};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// The larger of the two, elementwise.
pub static MAXIMUM: Op = Op {
    name: "maximum",
    source: include_str!("maximum.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| jvp(g, y, t, 0)), Argument::Nonlinear(|g, y, t| jvp(g, y, t, 1))],
    evaluate: |_, inputs, _| zip(inputs, f64::max),
    ..BINARY
};

impl Graph {
    /// The larger of the two, elementwise.
    pub fn maximum(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&MAXIMUM, Attributes::None, &[a, b])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId, argument: usize) -> Result<NodeId, Error> {
    let first = g.greater(g.operand(y, 0), g.operand(y, 1))?;
    chosen(g, first, argument, t)
}
