//! `normal_pdf(x) = e^(-x^2 / 2) / sqrt(2 pi)`

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Error, Graph, NodeId, Op};

/// Density of the standard normal distribution, elementwise.
pub static NORMAL_PDF: Op = Op {
    name: "normal_pdf",
    source: include_str!("normal_pdf.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let x = g.operand(y, 0);
        let falling = g.mul(x, y)?;
        let slope = g.neg(falling)?;
        g.mul(slope, t)
    })],
    evaluate: |_, inputs, _| map(inputs, |x| (-0.5 * x * x).exp() * 0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI),
    ..UNARY
};

impl Graph {
    /// Density of the standard normal distribution, elementwise.
    pub fn normal_pdf(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&NORMAL_PDF, Attributes::None, &[x])
    }
}
