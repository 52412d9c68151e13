//! `cumsum(x; axis)`: sums of the elements up to each along an axis, `y[i] = x[0] + .. + x[i]`; in reverse those from each
//! on, `y[i] = x[i] + .. + x[n - 1]`, which is the transpose.

use super::elementwise::{no_flops, no_simpler};
use crate::reference::{indices, offset};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Scan, Shape};

/// Cumulative sums along an axis.
pub static CUMSUM: Op = Op {
    name: "cumsum",
    source: include_str!("cumsum.rs"),
    class: Class::Reduction,
    arguments: &[Argument::Linear(|g, y, ct| {
        let Scan { axis, reverse } = g.node(y).attributes.scan();
        g.apply(&CUMSUM, Attributes::Scan(Scan { axis, reverse: !reverse }), &[ct])
    })],
    simplify: no_simpler,
    shape: |attributes, inputs| {
        let Scan { axis, .. } = attributes.scan();
        if axis < inputs[0].rank() {
            Ok(inputs[0].clone())
        } else {
            Err(Misfit::new(format!("an input with an axis {axis}"), "a smaller axis"))
        }
    },
    evaluate: |attributes, inputs, shape| {
        let Scan { axis, reverse } = attributes.scan();
        let sum = |index: Vec<usize>| {
            let range = if reverse { index[axis]..shape[axis] } else { 0..index[axis] + 1 };
            let place = |i: usize| (0..index.len()).map(|a| if a == axis { i } else { index[a] }).collect::<Vec<_>>();
            range.map(|i| inputs[0].data[offset(shape, &place(i))]).sum()
        };
        indices(shape).map(sum).collect()
    },
    flops: no_flops,
    cases: || {
        let case = |axis: usize, reverse: bool| Case {
            attributes: Attributes::Scan(Scan { axis, reverse }),
            inputs: vec![(Shape::new(&[4, 3, 5]), Domain::Real)],
        };
        vec![case(0, false), case(1, true), case(2, false), case(2, true)]
    },
};

impl Graph {
    /// The sums of the elements of `x` up to each along `axis`.
    pub fn cumsum(&mut self, x: NodeId, axis: usize) -> Result<NodeId, Error> {
        self.apply(&CUMSUM, Attributes::Scan(Scan { axis, reverse: false }), &[x])
    }

    /// The sums of the elements of `x` from each on along `axis`.
    pub fn cumsum_reverse(&mut self, x: NodeId, axis: usize) -> Result<NodeId, Error> {
        self.apply(&CUMSUM, Attributes::Scan(Scan { axis, reverse: true }), &[x])
    }
}
