//! `normal_cdf(x) = (1 + erf(x / sqrt(2))) / 2`

use std::f64::consts::FRAC_1_SQRT_2;

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Distribution function of the standard normal distribution, elementwise.
pub static NORMAL_CDF: Op = Op {
    name: "normal_cdf",
    source: include_str!("normal_cdf.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, |x| 0.5 * libm::erfc(-x * FRAC_1_SQRT_2)),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

impl Graph {
    /// Distribution function of the standard normal distribution, elementwise.
    pub fn normal_cdf(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&NORMAL_CDF, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let slope = g.normal_pdf(g.operand(y, 0))?;
    g.mul(slope, t)
}
