//! `sqrt(x) = x^(1/2)`

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Square root, elementwise.
pub static SQRT: Op = Op {
    name: "sqrt",
    source: include_str!("sqrt.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, f64::sqrt),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Positive])],
};

impl Graph {
    /// Square root, elementwise.
    pub fn sqrt(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SQRT, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let slope = g.div(t, y)?;
    g.scale(slope, 0.5)
}
