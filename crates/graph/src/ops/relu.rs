//! `relu(x) = max(x, 0)`. At 0 the derivative is 0; the second derivative is 0 everywhere.

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Rectifier, elementwise.
pub static RELU: Op = Op {
    name: "relu",
    source: include_str!("relu.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, |x| x.max(0.0)),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

impl Graph {
    /// Rectifier, elementwise.
    pub fn relu(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&RELU, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    // The result tells the sign as well as the input does, and is kept anyway.
    let slope = g.step(y)?;
    g.mul(slope, t)
}
