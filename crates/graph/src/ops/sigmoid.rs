//! `sigmoid(x) = 1 / (1 + e^-x)`

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Logistic function, elementwise.
pub static SIGMOID: Op = Op {
    name: "sigmoid",
    source: include_str!("sigmoid.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, |x| 1.0 / (1.0 + (-x).exp())),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

impl Graph {
    /// Logistic function, elementwise.
    pub fn sigmoid(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SIGMOID, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let one = g.filled_like(1.0, y)?;
    let rest = g.sub(one, y)?;
    let slope = g.mul(y, rest)?;
    g.mul(slope, t)
}
