//! `sin(x)`, x in radians. Its derivative is `cos(x)`.

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Sine, elementwise, of an angle in radians.
pub static SIN: Op = Op {
    name: "sin",
    source: include_str!("sin.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, f64::sin),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

impl Graph {
    /// Sine, elementwise, of an angle in radians.
    pub fn sin(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SIN, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let slope = g.cos(g.operand(y, 0))?;
    g.mul(slope, t)
}
