//! `reshape(x; shape)`: the same elements in the same row-major order.

use super::elementwise::{map, no_flops};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// The same elements under another shape.
pub static RESHAPE: Op = Op {
    name: "reshape",
    source: include_str!("reshape.rs"),
    class: Class::Movement,
    arguments: &[Argument::Linear(|g, y, ct| {
        let shape = g.shape(g.operand(y, 0)).clone();
        g.reshape(ct, shape)
    })],
    simplify,
    shape: |attributes, inputs| {
        let shape = attributes.shape();
        if shape.checked_size() == Some(inputs[0].size()) {
            Ok(shape.clone())
        } else {
            Err(Misfit::new(format!("as many elements as shape {shape} has"), "a shape of as many"))
        }
    },
    evaluate: |_, inputs, _| map(inputs, |x| x),
    flops: no_flops,
    cases: || {
        let attributes = Attributes::Shape(Shape::new(&[5, 6]));
        vec![Case { attributes, inputs: vec![(Shape::new(&[2, 3, 5]), Domain::Real)] }]
    },
};

impl Graph {
    /// The elements of `x` under `shape`.
    pub fn reshape(&mut self, x: NodeId, shape: Shape) -> Result<NodeId, Error> {
        self.apply(&RESHAPE, Attributes::Shape(shape), &[x])
    }
}

fn simplify(g: &mut Graph, attributes: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (x, shape) = (inputs[0], attributes.shape());
    if g.shape(x) == shape {
        return Ok(Some(x));
    }
    if let Some(value) = g.constant_value(x) {
        return g.filled(value, shape.clone()).map(Some);
    }
    if g.node(x).op == &RESHAPE { g.reshape(g.operand(x, 0), shape.clone()).map(Some) } else { Ok(None) }
}
