//! `one_hot(labels; n)`: along a new last axis of extent `n`, 1 at the label and 0 elsewhere.

use super::elementwise::{no_flops, no_simpler};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op, Shape};

/// Labels as indicator vectors.
pub static ONE_HOT: Op = Op {
    name: "one_hot",
    source: include_str!("one_hot.rs"),
    class: Class::Movement,
    arguments: &[Argument::Index(|attributes, _| attributes.classes())],
    simplify: no_simpler,
    shape: |attributes, inputs| Ok([&inputs[0][..], &[attributes.classes()]].concat().into()),
    evaluate: |attributes, inputs, _| {
        let row = |&label: &f64| (0..attributes.classes()).map(move |class| f64::from(u8::from(class as f64 == label)));
        inputs[0].data.iter().flat_map(row).collect()
    },
    flops: no_flops,
    cases: || {
        let input = (Shape::new(&[2, 3]), Domain::Index(5));
        vec![Case { attributes: Attributes::Classes(5), inputs: vec![input] }]
    },
};

impl Graph {
    /// Indicator vectors of length `classes` of the whole numbers `labels`.
    pub fn one_hot(&mut self, labels: NodeId, classes: usize) -> Result<NodeId, Error> {
        self.apply(&ONE_HOT, Attributes::Classes(classes), &[labels])
    }
}
