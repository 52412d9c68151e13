//! `reciprocal(x) = 1 / x`

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Reciprocal, elementwise.
pub static RECIPROCAL: Op = Op {
    name: "reciprocal",
    source: include_str!("reciprocal.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, f64::recip),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Positive])],
};

impl Graph {
    /// Reciprocal, elementwise.
    pub fn reciprocal(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&RECIPROCAL, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let square = g.mul(y, y)?;
    let slope = g.mul(square, t)?;
    g.neg(slope)
}
