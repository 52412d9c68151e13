//! `iota`: each element's index along one axis; compared with another it makes a causal mask.

use super::elementwise::{no_flops, no_simpler};
use crate::reference::indices;
use crate::{Attributes, Case, Class, Error, Graph, Misfit, NodeId, Op, Shape};

/// The index along an axis, as a number.
pub static IOTA: Op = Op {
    name: "iota",
    source: include_str!("iota.rs"),
    class: Class::Leaf,
    arguments: &[],
    simplify: no_simpler,
    shape: |attributes, _| {
        let (shape, axis) = (attributes.shape(), attributes.axis());
        if axis < shape.rank() {
            Ok(shape.clone())
        } else {
            Err(Misfit::new(format!("an axis of {shape}, here {axis}"), "a smaller one"))
        }
    },
    evaluate: |attributes, _, shape| indices(shape).map(|index| index[attributes.axis()] as f64).collect(),
    flops: no_flops,
    cases: || {
        let case = |axis| Case { attributes: Attributes::Along(Shape::new(&[2, 3, 4]), axis), inputs: vec![] };
        vec![case(0), case(1), case(2)]
    },
};

impl Graph {
    /// The index of each element along `axis` of a tensor of `shape`.
    pub fn iota(&mut self, shape: Shape, axis: usize) -> Result<NodeId, Error> {
        self.apply(&IOTA, Attributes::Along(shape, axis), &[])
    }
}
