//! `broadcast(x; shape, axes)`: `x` repeated along the `axes` of `shape` that it lacks.

use super::elementwise::no_flops;
use crate::reference::{indices, offset};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// Repetition along new axes.
pub static BROADCAST: Op = Op {
    name: "broadcast",
    source: include_str!("broadcast.rs"),
    class: Class::Movement,
    arguments: &[Argument::Linear(|g, y, ct| {
        let axes = g.node(y).attributes.axes().to_vec();
        g.sum(ct, &axes)
    })],
    simplify,
    shape: |attributes, inputs| {
        let (shape, axes) = (attributes.shape(), attributes.axes());
        if axes.is_sorted_by(|a, b| a < b)
            && axes.iter().all(|&a| a < shape.rank())
            && shape.without(axes) == *inputs[0]
        {
            Ok(shape.clone())
        } else {
            Err(Misfit::new(format!("the shape {shape} without axes {axes:?}"), "reshaping it to the axes that stay"))
        }
    },
    evaluate: |attributes, inputs, shape| {
        let axes = attributes.axes();
        let source = |index: Vec<usize>| {
            let kept: Vec<usize> =
                (0..index.len()).filter(|axis| !axes.contains(axis)).map(|axis| index[axis]).collect();
            inputs[0].data[offset(&inputs[0].shape, &kept)]
        };
        indices(shape).map(source).collect()
    },
    flops: no_flops,
    cases: || {
        let case = |axes: &[usize], input: &[usize]| Case {
            attributes: Attributes::Broadcast(Shape::new(&[4, 3, 5]), axes.to_vec()),
            inputs: vec![(Shape::new(input), Domain::Real)],
        };
        vec![case(&[0], &[3, 5]), case(&[2], &[4, 3]), case(&[0, 2], &[3]), case(&[1], &[4, 5]), case(&[0, 1, 2], &[])]
    },
};

impl Graph {
    /// `x` repeated along `axes` of `shape`, which are the ones that it lacks.
    pub fn broadcast(&mut self, x: NodeId, shape: Shape, axes: &[usize]) -> Result<NodeId, Error> {
        self.apply(&BROADCAST, Attributes::Broadcast(shape, axes.to_vec()), &[x])
    }
}

fn simplify(g: &mut Graph, attributes: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    if attributes.axes().is_empty() {
        return Ok(Some(inputs[0]));
    }
    match g.constant_value(inputs[0]) {
        Some(value) => g.filled(value, attributes.shape().clone()).map(Some),
        None => Ok(None),
    }
}
