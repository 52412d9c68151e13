//! `sign(x) = 1 if x > 0, -1 if x < 0, 0 if x = 0`, and NaN for NaN. Its derivative is 0 everywhere.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Sign, elementwise, 0 at 0.
pub static SIGN: Op = Op {
    name: "sign",
    source: include_str!("sign.rs"),
    arguments: &[Argument::Fixed],
    evaluate: |_, inputs, _| map(inputs, |x| if x == 0.0 { 0.0 } else { x.signum() }),
    ..UNARY
};

impl Graph {
    /// Sign, elementwise, 0 at 0.
    pub fn sign(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SIGN, Attributes::None, &[x])
    }
}
