//! `exp(x) = e^x`

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Exponential, elementwise.
pub static EXP: Op = Op {
    name: "exp",
    source: include_str!("exp.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, f64::exp),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

impl Graph {
    /// Exponential, elementwise.
    pub fn exp(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&EXP, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    g.mul(y, t)
}
