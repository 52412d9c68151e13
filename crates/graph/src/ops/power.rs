//! `power(x; p) = x^p`, for a number `p`: NaN for a negative x unless p is whole. At 0 the derivative is that of floats: 0, or infinite for p < 1.

use super::elementwise::{UNARY, map};
use crate::{Argument, Attributes, Case, Domain, Error, Graph, NodeId, Op};

/// A power with a fixed exponent, elementwise.
pub static POWER: Op = Op {
    name: "power",
    source: include_str!("power.rs"),
    arguments: &[Argument::Nonlinear(|g, y, t| {
        let (x, p) = (g.operand(y, 0), g.node(y).attributes.scalar());
        let below = g.power(x, p - 1.0)?;
        let slope = g.scale(below, p)?;
        g.mul(slope, t)
    })],
    simplify,
    evaluate: |attributes, inputs, _| map(inputs, |x| x.powf(attributes.scalar())),
    cases: || {
        let case = |p: f64| Case {
            attributes: Attributes::Scalar(p.to_bits()),
            ..Case::elementwise(&[if p.fract() == 0.0 { Domain::Real } else { Domain::Positive }])
        };
        [3.0, 1.7, -0.4].map(case).into()
    },
    ..UNARY
};

impl Graph {
    /// `x^p`
    pub fn power(&mut self, x: NodeId, p: f64) -> Result<NodeId, Error> {
        self.apply(&POWER, Attributes::Scalar(p.to_bits()), &[x])
    }
}

/// The exponents that other ops have.
fn simplify(g: &mut Graph, attributes: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (x, p) = (inputs[0], attributes.scalar());
    if p == 0.0 {
        g.filled_like(1.0, x).map(Some)
    } else if p == 1.0 {
        Ok(Some(x))
    } else if p == 2.0 {
        g.mul(x, x).map(Some)
    } else if p == 0.5 {
        g.sqrt(x).map(Some)
    } else if p == -1.0 {
        g.reciprocal(x).map(Some)
    } else {
        Ok(None)
    }
}
