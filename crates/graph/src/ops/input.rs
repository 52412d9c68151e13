//! `input`: a value given from outside: a parameter, a field of the data, a direction.

use super::elementwise::{no_flops, no_simpler};
use crate::{Attributes, Class, Graph, NodeId, Op, Shape};

/// A value given from outside.
pub static INPUT: Op = Op {
    name: "input",
    source: include_str!("input.rs"),
    class: Class::Leaf,
    arguments: &[],
    simplify: no_simpler,
    shape: |attributes, _| Ok(attributes.shape().clone()),
    evaluate: |attributes, _, _| panic!("{attributes:?} has no value"),
    flops: no_flops,
    cases: Vec::new,
};

impl Graph {
    /// A new input, different from every other.
    pub fn input(&mut self, shape: Shape) -> NodeId {
        let number = self.next_input();
        self.apply(&INPUT, Attributes::Input(number, shape), &[]).expect("an input of any shape is legal")
    }
}
