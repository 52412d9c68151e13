//! `add(a, b) = a + b`

use super::elementwise::{BINARY, zip};
use super::neg::NEG;
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Sum, elementwise.
pub static ADD: Op = Op {
    name: "add",
    source: include_str!("add.rs"),
    arguments: &[
        Argument::Affine { part: |_, _, t| Ok(t), transpose: |_, _, ct| Ok(ct) },
        Argument::Affine { part: |_, _, t| Ok(t), transpose: |_, _, ct| Ok(ct) },
    ],
    simplify,
    evaluate: |_, inputs, _| zip(inputs, |a, b| a + b),
    ..BINARY
};

impl Graph {
    /// Sum, elementwise.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&ADD, Attributes::None, &[a, b])
    }
}

fn simplify(g: &mut Graph, _: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (a, b) = (inputs[0], inputs[1]);
    if g.constant_value(a) == Some(0.0) {
        return Ok(Some(b));
    }
    if g.constant_value(b) == Some(0.0) {
        return Ok(Some(a));
    }
    if a == b {
        return g.scale(a, 2.0).map(Some);
    }
    if g.node(b).op == &NEG {
        return g.sub(a, g.operand(b, 0)).map(Some);
    }
    if g.node(a).op == &NEG {
        return g.sub(b, g.operand(a, 0)).map(Some);
    }
    if a > b { g.add(b, a).map(Some) } else { Ok(None) }
}
