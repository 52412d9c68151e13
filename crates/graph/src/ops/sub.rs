//! `sub(a, b) = a - b`

use super::elementwise::{BINARY, zip};
use super::neg::NEG;
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Difference, elementwise.
pub static SUB: Op = Op {
    name: "sub",
    source: include_str!("sub.rs"),
    arguments: &[
        Argument::Affine { part: |_, _, t| Ok(t), transpose: |_, _, ct| Ok(ct) },
        Argument::Affine { part: |g, _, t| g.neg(t), transpose: |g, _, ct| g.neg(ct) },
    ],
    simplify,
    evaluate: |_, inputs, _| zip(inputs, |a, b| a - b),
    ..BINARY
};

impl Graph {
    /// Difference, elementwise.
    pub fn sub(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&SUB, Attributes::None, &[a, b])
    }
}

fn simplify(g: &mut Graph, _: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (a, b) = (inputs[0], inputs[1]);
    if g.constant_value(b) == Some(0.0) {
        return Ok(Some(a));
    }
    if g.constant_value(a) == Some(0.0) {
        return g.neg(b).map(Some);
    }
    if g.node(b).op == &NEG { g.add(a, g.operand(b, 0)).map(Some) } else { Ok(None) }
}
