//! `take(table, indices)`: rows of a table, as an embedding looks them up.

use super::elementwise::{no_flops, no_simpler};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// One row of the table for each index. An index that names no row is an error of the caller.
///
/// Shapes: `table: [rows, width]`, `indices: [..]`, result `[.., width]`.
pub static TAKE: Op = Op {
    name: "take",
    source: include_str!("take.rs"),
    class: Class::Movement,
    arguments: &[
        Argument::Linear(|g, y, ct| {
            let rows = g.shape(g.operand(y, 0))[0];
            g.put_add(ct, g.operand(y, 1), rows)
        }),
        Argument::Index(|_, shapes| shapes[0][0]),
    ],
    simplify: no_simpler,
    shape: |_, inputs| match inputs[0][..] {
        [rows, width] if rows > 0 => Ok([&inputs[1][..], &[width]].concat().into()),
        _ => Err(Misfit::new("a table of rows and columns, and indices", "reshaping the table to two axes")),
    },
    evaluate: |_, inputs, shape| {
        let width = shape[shape.rank() - 1];
        inputs[1].data.iter().flat_map(|&i| &inputs[0].data[i as usize * width..][..width]).copied().collect()
    },
    flops: no_flops,
    cases: || {
        let inputs = vec![(Shape::new(&[5, 4]), Domain::Real), (Shape::new(&[2, 3]), Domain::Index(5))];
        vec![Case { attributes: Attributes::None, inputs }]
    },
};

impl Graph {
    /// The rows of `table` that `indices` name.
    pub fn take(&mut self, table: NodeId, indices: NodeId) -> Result<NodeId, Error> {
        self.apply(&TAKE, Attributes::None, &[table, indices])
    }
}
