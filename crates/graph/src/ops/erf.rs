//! `erf(x) = 2 / sqrt(pi) times the integral of e^(-s^2) for s from 0 to x`

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Error function, elementwise.
pub static ERF: Op = Op {
    name: "erf",
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, libm::erf),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

impl Graph {
    /// Error function, elementwise.
    pub fn erf(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&ERF, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let x = g.operand(y, 0);
    let square = g.mul(x, x)?;
    let negated = g.neg(square)?;
    let bell = g.exp(negated)?;
    let slope = g.scale(bell, std::f64::consts::FRAC_2_SQRT_PI)?;
    g.mul(slope, t)
}
