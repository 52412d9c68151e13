//! `tanh(x) = (e^x - e^-x) / (e^x + e^-x)`

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Hyperbolic tangent, elementwise.
pub static TANH: Op = Op {
    name: "tanh",
    source: include_str!("tanh.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, f64::tanh),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

impl Graph {
    /// Hyperbolic tangent, elementwise.
    pub fn tanh(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&TANH, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let square = g.mul(y, y)?;
    let one = g.filled_like(1.0, y)?;
    let slope = g.sub(one, square)?;
    g.mul(slope, t)
}
