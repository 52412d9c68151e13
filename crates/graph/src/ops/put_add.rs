//! `put_add(values, indices; rows)`: the transpose of [`take`](super::take): adds each value to the row it names.

use super::elementwise::{no_flops, no_simpler};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// A table whose rows are the sums of the values sent there.
///
/// Shapes: `values: [.., width]`, `indices: [..]`, result `[rows, width]`.
pub static PUT_ADD: Op = Op {
    name: "put_add",
    source: include_str!("put_add.rs"),
    class: Class::Reduction,
    arguments: &[
        Argument::Linear(|g, y, ct| g.take(ct, g.operand(y, 1))),
        Argument::Index(|attributes, _| attributes.rows()),
    ],
    simplify: no_simpler,
    shape: |attributes, inputs| match inputs[0].split_last() {
        Some((&width, outer)) if *outer == inputs[1][..] => Ok(Shape::new(&[attributes.rows(), width])),
        _ => Err(Misfit::new("[.., width] and one index for each row", "indices of its shape without the last axis")),
    },
    evaluate: |_, inputs, shape| {
        let (width, mut out) = (shape[1], vec![0.0; shape.size()]);
        for (values, &row) in inputs[0].data.chunks_exact(width).zip(&inputs[1].data) {
            for (out, value) in out[row as usize * width..].iter_mut().zip(values) {
                *out += value;
            }
        }
        out
    },
    flops: no_flops,
    cases: || {
        let inputs = vec![(Shape::new(&[2, 3, 4]), Domain::Real), (Shape::new(&[2, 3]), Domain::Index(5))];
        vec![Case { attributes: Attributes::Rows(5), inputs }]
    },
};

impl Graph {
    /// A table of `rows` rows, each the sum of the `values` whose index names it.
    pub fn put_add(&mut self, values: NodeId, indices: NodeId, rows: usize) -> Result<NodeId, Error> {
        self.apply(&PUT_ADD, Attributes::Rows(rows), &[values, indices])
    }
}
