//! `greater(a, b) = 1 if a > b, else 0`. Its derivative is 0 everywhere.

use super::elementwise::{no_flops, no_simpler, same_shape, zip};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Comparison, elementwise.
pub static GREATER: Op = Op {
    name: "greater",
    source: include_str!("greater.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Fixed, Argument::Fixed],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| zip(inputs, |a, b| f64::from(u8::from(a > b))),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real, Domain::Real])],
};

impl Graph {
    /// Comparison, elementwise.
    pub fn greater(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&GREATER, Attributes::None, &[a, b])
    }
}
