//! `scale(x; c) = c x`, for a number `c`.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Case, Domain, Error, Graph, NodeId, Op};

/// A number times a tensor.
pub static SCALE: Op = Op {
    name: "scale",
    source: include_str!("scale.rs"),
    arguments: &[Argument::Linear(|g, y, ct| g.scale(ct, g.node(y).attributes.scalar()))],
    simplify,
    evaluate: |attributes, inputs, _| map(inputs, |x| attributes.scalar() * x),
    cases: || {
        let attributes = Attributes::Scalar((-0.7f64).to_bits());
        vec![Case { attributes, ..Case::elementwise(&[Domain::Real]) }]
    },
    ..UNARY
};

impl Graph {
    /// `c x`
    pub fn scale(&mut self, x: NodeId, c: f64) -> Result<NodeId, Error> {
        self.apply(&SCALE, Attributes::Scalar(c.to_bits()), &[x])
    }
}

fn simplify(g: &mut Graph, attributes: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (x, c) = (inputs[0], attributes.scalar());
    if let Some(value) = g.constant_value(x) {
        return g.filled_like(c * value, x).map(Some);
    }
    if c == 1.0 {
        Ok(Some(x))
    } else if c == -1.0 {
        g.neg(x).map(Some)
    } else if c == 0.0 {
        g.filled_like(0.0, x).map(Some)
    } else {
        Ok(None)
    }
}
