//! `round(x)`, the nearest whole number, of two the even one. Its derivative is 0 everywhere.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// The nearest whole number, elementwise; halves go to the even one.
pub static ROUND: Op = Op {
    name: "round",
    source: include_str!("round.rs"),
    arguments: &[Argument::Fixed],
    evaluate: |_, inputs, _| map(inputs, f64::round_ties_even),
    ..UNARY
};

impl Graph {
    /// The nearest whole number, elementwise; halves go to the even one.
    pub fn round(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&ROUND, Attributes::None, &[x])
    }
}
