//! `detach(x) = x`, held fixed: its derivative is 0 everywhere.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// The same values, through which no derivative flows.
pub static DETACH: Op = Op {
    name: "detach",
    source: include_str!("detach.rs"),
    arguments: &[Argument::Fixed],
    evaluate: |_, inputs, _| map(inputs, |x| x),
    ..UNARY
};

impl Graph {
    /// The same values, through which no derivative flows.
    pub fn detach(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&DETACH, Attributes::None, &[x])
    }
}
