//! `step(x) = 1 if x > 0, else 0`. Its derivative is 0 everywhere.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Heaviside step, elementwise, 0 at 0.
pub static STEP: Op = Op {
    name: "step",
    source: include_str!("step.rs"),
    arguments: &[Argument::Fixed],
    evaluate: |_, inputs, _| map(inputs, |x| f64::from(u8::from(x > 0.0))),
    ..UNARY
};

impl Graph {
    /// Heaviside step, elementwise, 0 at 0.
    pub fn step(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&STEP, Attributes::None, &[x])
    }
}
