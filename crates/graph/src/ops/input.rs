//! `input`: a value given from outside: a parameter, a field of the data, a direction.

use super::elementwise::{no_flops, no_simpler};
use crate::{Attributes, Class, Error, Graph, NodeId, Op, Shape};

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
    ///
    /// # Panics
    /// If no memory holds as many elements; [`Graph::try_input`] gives an error.
    pub fn input(&mut self, shape: Shape) -> NodeId {
        self.try_input(shape).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A new input, different from every other.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if no memory holds as many elements.
    pub fn try_input(&mut self, shape: Shape) -> Result<NodeId, Error> {
        let number = self.next_input();
        self.apply(&INPUT, Attributes::Input(number, shape), &[])
    }
}
