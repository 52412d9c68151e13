//! `constant`: one number, everywhere.

use super::elementwise::{no_flops, no_simpler};
use crate::{Attributes, Case, Class, Error, Graph, NodeId, Op, Shape};

/// A tensor filled with one number.
pub static CONSTANT: Op = Op {
    name: "constant",
    source: include_str!("constant.rs"),
    class: Class::Leaf,
    arguments: &[],
    simplify: no_simpler,
    shape: |attributes, _| Ok(attributes.shape().clone()),
    evaluate: |attributes, _, shape| vec![attributes.scalar(); shape.size()],
    flops: no_flops,
    cases: || {
        let filled = Attributes::Filled(0.7f64.to_bits(), Shape::new(&[2, 3]));
        vec![Case { attributes: filled, inputs: vec![] }]
    },
};

impl Graph {
    /// A tensor of `shape` filled with `value`.
    pub fn filled(&mut self, value: f64, shape: Shape) -> Result<NodeId, Error> {
        self.apply(&CONSTANT, Attributes::Filled(value.to_bits(), shape), &[])
    }

    /// A tensor filled with `value`, of the shape of `other`.
    pub fn filled_like(&mut self, value: f64, other: NodeId) -> Result<NodeId, Error> {
        self.require("constant", [other])?;
        let shape = self.shape(other).clone();
        self.filled(value, shape)
    }

    /// The number that fills `id`, if it is a constant.
    pub fn constant_value(&self, id: NodeId) -> Option<f64> {
        let node = self.node(id);
        (node.op == &CONSTANT).then(|| node.attributes.scalar())
    }
}
