//! `sum(x; axes)`: the sum over these axes, which the result lacks.

use super::elementwise::no_flops;
use crate::reference::{indices, offset};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// The sum over axes.
pub static SUM: Op = Op {
    name: "sum",
    source: include_str!("sum.rs"),
    class: Class::Reduction,
    arguments: &[Argument::Linear(|g, y, ct| {
        let axes = g.node(y).attributes.axes().to_vec();
        let shape = g.shape(g.operand(y, 0)).clone();
        g.broadcast(ct, shape, &axes)
    })],
    simplify,
    shape: |attributes, inputs| {
        let axes = attributes.axes();
        if axes.is_sorted_by(|a, b| a < b) && axes.iter().all(|&axis| axis < inputs[0].rank()) {
            Ok(inputs[0].without(axes))
        } else {
            Err(Misfit::new(format!("an input with axes {axes:?}, in increasing order"), "each axis once, sorted"))
        }
    },
    evaluate: |attributes, inputs, shape| {
        let axes = attributes.axes();
        let mut sums = vec![0.0; shape.size()];
        for (value, index) in inputs[0].data.iter().zip(indices(&inputs[0].shape)) {
            let kept: Vec<usize> =
                (0..index.len()).filter(|axis| !axes.contains(axis)).map(|axis| index[axis]).collect();
            sums[offset(shape, &kept)] += value;
        }
        sums
    },
    flops: no_flops,
    cases: || {
        let case = |axes: &[usize]| Case {
            attributes: Attributes::Axes(axes.to_vec()),
            inputs: vec![(Shape::new(&[4, 3, 5]), Domain::Real)],
        };
        vec![case(&[0]), case(&[2]), case(&[1, 2]), case(&[0, 2]), case(&[0, 1, 2])]
    },
};

impl Graph {
    /// The sum of `x` over `axes`.
    pub fn sum(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId, Error> {
        self.apply(&SUM, Attributes::Axes(axes.to_vec()), &[x])
    }

    /// The mean of `x` over `axes`.
    pub fn mean(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId, Error> {
        let sum = self.sum(x, axes)?;
        let count: usize = axes.iter().map(|&axis| self.shape(x)[axis]).product();
        self.scale(sum, 1.0 / count as f64)
    }
}

fn simplify(g: &mut Graph, attributes: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (x, axes) = (inputs[0], attributes.axes());
    if axes.is_empty() {
        return Ok(Some(x));
    }
    let Some(value) = g.constant_value(x) else { return Ok(None) };
    let count: usize = axes.iter().map(|&axis| g.shape(x)[axis]).product();
    let shape = g.shape(x).without(axes);
    g.filled(value * count as f64, shape).map(Some)
}
