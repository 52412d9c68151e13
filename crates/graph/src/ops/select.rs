//! `select(mask, a, b) = a where mask is not 0, else b`. No derivative flows through the mask.

use super::elementwise::BINARY;
use crate::{Argument, Attributes, Case, Domain, Error, Graph, NodeId, Op};

/// A choice between two tensors, elementwise.
pub static SELECT: Op = Op {
    name: "select",
    source: include_str!("select.rs"),
    arguments: &[
        Argument::Fixed,
        Argument::Affine { part: where_set, transpose: where_set },
        Argument::Affine { part: where_clear, transpose: where_clear },
    ],
    evaluate: |_, inputs, shape| {
        let pick = |i: usize| if inputs[0].data[i] == 0.0 { inputs[2].data[i] } else { inputs[1].data[i] };
        (0..shape.size()).map(pick).collect()
    },
    cases: || vec![Case::elementwise(&[Domain::Mask, Domain::Real, Domain::Real])],
    ..BINARY
};

impl Graph {
    /// `a` where `mask` is not 0, else `b`.
    pub fn select(&mut self, mask: NodeId, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&SELECT, Attributes::None, &[mask, a, b])
    }
}

fn where_set(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let zero = g.filled_like(0.0, t)?;
    g.select(g.operand(y, 0), t, zero)
}

fn where_clear(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let zero = g.filled_like(0.0, t)?;
    g.select(g.operand(y, 0), zero, t)
}
