//! `log(x) = ln x`

use super::elementwise::{map, no_flops, no_simpler, same_shape};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, NodeId, Op};

/// Natural logarithm, elementwise.
pub static LOG: Op = Op {
    name: "log",
    source: include_str!("log.rs"),
    class: Class::Elementwise,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: same_shape,
    evaluate: |_, inputs, _| map(inputs, f64::ln),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Positive])],
};

impl Graph {
    /// Natural logarithm, elementwise.
    pub fn log(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&LOG, Attributes::None, &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let x = g.operand(y, 0);
    g.div(t, x)
}
