//! `greater(a, b) = 1 if a > b, else 0`. Its derivative is 0 everywhere.

use super::elementwise::{BINARY, zip};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Comparison, elementwise.
pub static GREATER: Op = Op {
    name: "greater",
    source: include_str!("greater.rs"),
    arguments: &[Argument::Fixed, Argument::Fixed],
    evaluate: |_, inputs, _| zip(inputs, |a, b| f64::from(u8::from(a > b))),
    ..BINARY
};

impl Graph {
    /// Comparison, elementwise.
    pub fn greater(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&GREATER, Attributes::None, &[a, b])
    }
}
