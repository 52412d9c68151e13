//! `softplus(x) = ln(1 + e^x)`

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Softplus, elementwise, without overflow: `max(x, 0) + ln(1 + e^-|x|)`.
pub static SOFTPLUS: Op = Op {
    name: "softplus",
    source: include_str!("softplus.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

impl Graph {
    /// Softplus, elementwise, without overflow: `max(x, 0) + ln(1 + e^-|x|)`.
    pub fn softplus(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SOFTPLUS, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let x = g.operand(y, 0);
    let slope = g.sigmoid(x)?;
    g.mul(slope, t)
}
