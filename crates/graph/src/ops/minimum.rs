//! `minimum(a, b) = min(a, b)`. Where they are equal the derivative is that of `b`; the second derivative is 0.

use super::elementwise::{BINARY, chosen, zip};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// The smaller of the two, elementwise.
pub static MINIMUM: Op = Op {
    name: "minimum",
    source: include_str!("minimum.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| jvp(g, y, t, 0)), Argument::Nonlinear(|g, y, t| jvp(g, y, t, 1))],
    evaluate: |_, inputs, _| zip(inputs, f64::min),
    ..BINARY
};

impl Graph {
    /// The smaller of the two, elementwise.
    pub fn minimum(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&MINIMUM, Attributes::None, &[a, b])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId, argument: usize) -> Result<NodeId, Error> {
    let first = g.greater(g.operand(y, 1), g.operand(y, 0))?;
    chosen(g, first, argument, t)
}
