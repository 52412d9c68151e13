//! `first_largest(x; axis)`: 1 at the first of the largest elements along one axis, else 0. Its derivative is 0 everywhere, so that
//! `sum(first_largest(x) * x)` is the largest element with the derivative of the first of those that are equal.

use super::elementwise::{no_flops, no_simpler};
use super::reduce_max::REDUCE_MAX;
use crate::reference::{indices, offset};
use crate::{Argument, Attributes, Class, Error, Graph, NodeId, Op};

/// The place of the largest element along an axis, as a mask.
pub static FIRST_LARGEST: Op = Op {
    name: "first_largest",
    source: include_str!("first_largest.rs"),
    class: Class::Reduction,
    arguments: &[Argument::Fixed],
    simplify: no_simpler,
    shape: |attributes, inputs| (REDUCE_MAX.shape)(attributes, inputs).map(|_| inputs[0].clone()),
    evaluate: |attributes, inputs, shape| {
        let axis = attributes.axes()[0];
        let is_first = |index: Vec<usize>| {
            let at = |place: usize| {
                let moved: Vec<usize> = (0..index.len()).map(|a| if a == axis { place } else { index[a] }).collect();
                inputs[0].data[offset(shape, &moved)]
            };
            let own = at(index[axis]);
            let first =
                (0..shape[axis]).all(|place| if place < index[axis] { at(place) < own } else { at(place) <= own });
            f64::from(u8::from(first))
        };
        indices(shape).map(is_first).collect()
    },
    flops: no_flops,
    cases: || (REDUCE_MAX.cases)(),
};

impl Graph {
    /// 1 at the first of the largest elements of `x` along `axis`, else 0.
    pub fn first_largest(&mut self, x: NodeId, axis: usize) -> Result<NodeId, Error> {
        self.apply(&FIRST_LARGEST, Attributes::Axes(vec![axis]), &[x])
    }
}
