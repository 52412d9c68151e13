//! `logsumexp(x) = ln sum_j e^(x_j)` along the last axis, which the result lacks; no overflow for any finite input.

use super::elementwise::{no_flops, no_simpler};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// The logarithm of the sum of exponentials along the last axis.
pub static LOGSUMEXP: Op = Op {
    name: "logsumexp",
    source: include_str!("logsumexp.rs"),
    class: Class::Reduction,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: |_, inputs| match inputs[0].last() {
        Some(&extent) if extent > 0 => Ok(inputs[0].without(&[inputs[0].rank() - 1])),
        _ => Err(Misfit::new("an input with at least one element along its last axis", "another axis, moved last")),
    },
    evaluate: |_, inputs, _| {
        let row = |row: &[f64]| {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let others = row.iter().map(|x| (x - largest).exp()).sum::<f64>() - 1.0;
            largest + others.ln_1p()
        };
        inputs[0].data.chunks_exact(*inputs[0].shape.last().expect("checked by shape")).map(row).collect()
    },
    flops: no_flops,
    cases: || vec![Case { attributes: Attributes::None, inputs: vec![(Shape::new(&[2, 3, 5]), Domain::Real)] }],
};

impl Graph {
    /// `ln sum_j e^(x_j)` along the last axis of `x`.
    pub fn logsumexp(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&LOGSUMEXP, Attributes::None, &[x])
    }

    /// `x - logsumexp(x)` along the last axis.
    pub fn log_softmax(&mut self, x: NodeId) -> Result<NodeId, Error> {
        let total = self.logsumexp(x)?;
        let spread = self.broadcast_last(total, x)?;
        self.sub(x, spread)
    }

    /// `x` repeated along the last axis of `like`, which is the one that it lacks.
    pub fn broadcast_last(&mut self, x: NodeId, like: NodeId) -> Result<NodeId, Error> {
        self.require("broadcast", [like])?;
        let shape = self.shape(like).clone();
        let last = shape.rank().saturating_sub(1);
        self.broadcast(x, shape, &[last])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let x = g.operand(y, 0);
    let last = g.shape(x).rank() - 1;
    let weights = g.softmax(x)?;
    let weighted = g.mul(weights, t)?;
    g.sum(weighted, &[last])
}
