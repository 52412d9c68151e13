//! `pick(x, labels)`: the element of each row of `x` (its last axis) at the place that the label names.

use super::elementwise::{no_flops, no_simpler};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// One element of each row.
pub static PICK: Op = Op {
    name: "pick",
    source: include_str!("pick.rs"),
    class: Class::Reduction,
    arguments: &[Argument::Linear(transpose), Argument::Index(|_, shapes| shapes[0].last().copied().unwrap_or(0))],
    simplify: no_simpler,
    shape: |_, inputs| {
        if inputs[0].rank() > 0 && inputs[0].without(&[inputs[0].rank() - 1]) == *inputs[1] {
            Ok(inputs[1].clone())
        } else {
            Err(Misfit::new("one label for each row", "labels of its shape without the last axis"))
        }
    },
    evaluate: |_, inputs, _| {
        let rows = inputs[0].data.chunks_exact(*inputs[0].shape.last().expect("checked by shape"));
        rows.zip(&inputs[1].data).map(|(row, &label)| row[label as usize]).collect()
    },
    flops: no_flops,
    cases: || {
        let inputs = vec![(Shape::new(&[2, 3, 5]), Domain::Real), (Shape::new(&[2, 3]), Domain::Index(5))];
        vec![Case { attributes: Attributes::None, inputs }]
    },
};

impl Graph {
    /// The element of each row of `x` at the place that `labels` names.
    pub fn pick(&mut self, x: NodeId, labels: NodeId) -> Result<NodeId, Error> {
        self.apply(&PICK, Attributes::None, &[x, labels])
    }
}

fn transpose(g: &mut Graph, y: NodeId, ct: NodeId) -> Result<NodeId, Error> {
    let (x, labels) = (g.operand(y, 0), g.operand(y, 1));
    let classes = g.shape(x)[g.shape(x).rank() - 1];
    let places = g.one_hot(labels, classes)?;
    let spread = g.broadcast_last(ct, x)?;
    g.mul(places, spread)
}
