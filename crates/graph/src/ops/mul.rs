//! `mul(a, b) = a b`

use super::elementwise::{BINARY, zip};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Product, elementwise.
pub static MUL: Op = Op {
    name: "mul",
    source: include_str!("mul.rs"),
    arguments: &[
        Argument::Linear(|g, y, ct| g.mul(g.operand(y, 1), ct)),
        Argument::Linear(|g, y, ct| g.mul(g.operand(y, 0), ct)),
    ],
    simplify,
    evaluate: |_, inputs, _| zip(inputs, |a, b| a * b),
    ..BINARY
};

impl Graph {
    /// Product, elementwise.
    pub fn mul(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&MUL, Attributes::None, &[a, b])
    }
}

fn simplify(g: &mut Graph, _: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (a, b) = (inputs[0], inputs[1]);
    if let Some(factor) = g.constant_value(a) {
        return g.scale(b, factor).map(Some);
    }
    if let Some(factor) = g.constant_value(b) {
        return g.scale(a, factor).map(Some);
    }
    if a > b { g.mul(b, a).map(Some) } else { Ok(None) }
}
