//! `neg(x) = -x`

use super::elementwise::{map, no_flops, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Negation, elementwise.
pub static NEG: Op = Op {
    name: "neg",
    source: include_str!("neg.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Linear(|g, _, t| g.neg(t))],
    simplify,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, |x| -x),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
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
