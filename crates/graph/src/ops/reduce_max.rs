//! `reduce_max(x; axis)`: the largest element along one axis, which the result lacks. Where several are largest the
//! derivative is shared equally among them; the second derivative is 0.

use super::elementwise::{no_flops, no_simpler};
use crate::reference::{indices, offset};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// The largest element along an axis.
pub static REDUCE_MAX: Op = Op {
    name: "reduce_max",
    source: include_str!("reduce_max.rs"),
    class: Class::Reduction,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify: no_simpler,
    shape: |attributes, inputs| match attributes.axes() {
        &[axis] if axis < inputs[0].rank() && inputs[0][axis] > 0 => Ok(inputs[0].without(&[axis])),
        axes => Err(Misfit::new(format!("an input with at least one element along axis {axes:?}"), "another axis")),
    },
    evaluate: |attributes, inputs, shape| {
        let mut largest = vec![f64::NEG_INFINITY; shape.size()];
        for (&value, mut index) in inputs[0].data.iter().zip(indices(&inputs[0].shape)) {
            index.remove(attributes.axes()[0]);
            let place = offset(shape, &index);
            largest[place] = largest[place].max(value);
        }
        largest
    },
    flops: no_flops,
    cases: || {
        let case = |axis: usize| Case {
            attributes: Attributes::Axes(vec![axis]),
            inputs: vec![(Shape::new(&[4, 3, 5]), Domain::Real)],
        };
        vec![case(0), case(1), case(2)]
    },
};

impl Graph {
    /// The largest element of `x` along `axis`.
    pub fn reduce_max(&mut self, x: NodeId, axis: usize) -> Result<NodeId, Error> {
        self.apply(&REDUCE_MAX, Attributes::Axes(vec![axis]), &[x])
    }
}

fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let (x, axes) = (g.operand(y, 0), g.node(y).attributes.axes().to_vec());
    let spread = g.broadcast(y, g.shape(x).clone(), &axes)?;
    let mask = g.equal(x, spread)?;
    let count = g.sum(mask, &axes)?;
    let masked = g.mul(mask, t)?;
    let total = g.sum(masked, &axes)?;
    g.div(total, count)
}
