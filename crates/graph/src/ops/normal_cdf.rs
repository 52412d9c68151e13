//! `normal_cdf(x) = (1 + erf(x / sqrt(2))) / 2`

use std::f64::consts::FRAC_1_SQRT_2;

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Distribution function of the standard normal distribution, elementwise.
pub static NORMAL_CDF: Op = Op {
    name: "normal_cdf",
    source: include_str!("normal_cdf.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let slope = g.normal_pdf(g.operand(y, 0))?;
        g.mul(slope, t)
    })],
    evaluate: |_, inputs, _| map(inputs, |x| 0.5 * libm::erfc(-x * FRAC_1_SQRT_2)),
    ..UNARY
};

impl Graph {
    /// Distribution function of the standard normal distribution, elementwise.
    pub fn normal_cdf(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&NORMAL_CDF, Attributes::None, &[x])
    }
}
