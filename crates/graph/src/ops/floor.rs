//! `floor(x)`, the largest whole number that is not above x. Its derivative is 0 everywhere.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// The largest whole number that is not above, elementwise.
pub static FLOOR: Op = Op {
    name: "floor",
    source: include_str!("floor.rs"),
    arguments: &[Argument::Fixed],
    evaluate: |_, inputs, _| map(inputs, f64::floor),
    ..UNARY
};

impl Graph {
    /// The largest whole number that is not above, elementwise.
    pub fn floor(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&FLOOR, Attributes::None, &[x])
    }
}
