//! `softmax(x) = e^(x_i) / sum_j e^(x_j)` along the last axis: positive, with sum 1; no overflow for any finite input.

use super::elementwise::{no_flops, no_simpler};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// Exponentials along the last axis, over their sum.
///
/// An op of its own: as `e^(x - logsumexp(x))` each value would carry the rounding of the largest input.
pub static SOFTMAX: Op = Op {
    name: "softmax",
    source: include_str!("softmax.rs"),
    class: Class::Reduction,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: |_, inputs| match inputs[0].last() {
        Some(&extent) if extent > 0 => Ok(inputs[0].clone()),
        _ => Err(Misfit::new("an input with at least one element along its last axis", "another axis, moved last")),
    },
    evaluate: |_, inputs, shape| {
        let row = |row: &[f64]| {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let grown: Vec<f64> = row.iter().map(|x| (x - largest).exp()).collect();
            let total: f64 = grown.iter().sum();
            grown.into_iter().map(move |x| x / total)
        };
        inputs[0].data.chunks_exact(shape[shape.rank() - 1]).flat_map(row).collect()
    },
    flops: no_flops,
    cases: || vec![Case { attributes: Attributes::None, inputs: vec![(Shape::new(&[2, 3, 5]), Domain::Real)] }],
};

impl Graph {
    /// `e^(x_i) / sum_j e^(x_j)` along the last axis of `x`.
    pub fn softmax(&mut self, x: NodeId) -> Result<NodeId, Error> {
        self.apply(&SOFTMAX, Attributes::None, &[x])
    }
}

/// `y (t - sum(y t))`
fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let last = g.shape(y).rank() - 1;
    let weighted = g.mul(y, t)?;
    let mean = g.sum(weighted, &[last])?;
    let spread = g.broadcast_last(mean, t)?;
    let centred = g.sub(t, spread)?;
    g.mul(y, centred)
}
