//! `neg(x) = -x`

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Negation, elementwise.
pub static NEG: Op = Op {
    name: "neg",
    source: include_str!("neg.rs"),
    arguments: &[Argument::Linear(|g, _, t| g.neg(t))],
    simplify,
    evaluate: |_, inputs, _| map(inputs, |x| -x),
    ..UNARY
};

impl Graph {
    /// Negation, elementwise.
    pub fn neg(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&NEG, Attributes::None, &[x])
    }
}

fn simplify(g: &mut Graph, _: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let x = inputs[0];
    if let Some(value) = g.constant_value(x) {
        return g.filled_like(-value, x).map(Some);
    }
    Ok((g.node(x).op == &NEG).then(|| g.operand(x, 0)))
}
