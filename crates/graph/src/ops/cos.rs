//! `cos(x)`, x in radians. Its derivative is `-sin(x)`.

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Cosine, elementwise, of an angle in radians.
pub static COS: Op = Op {
    name: "cos",
    source: include_str!("cos.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, f64::cos),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

impl Graph {
    /// Cosine, elementwise, of an angle in radians.
    pub fn cos(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&COS, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let slope = g.sin(g.operand(y, 0))?;
    let falling = g.neg(slope)?;
    g.mul(falling, t)
}
