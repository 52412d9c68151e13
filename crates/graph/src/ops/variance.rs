//! `variance(x; axes) = mean((x - mean(x))^2)`, both means over these axes, which the result lacks.

use super::elementwise::no_flops;
use crate::reference::{indices, offset};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// The mean squared distance from the mean.
///
/// An op of its own: composed, the derivative with respect to the mean, which is zero, would be computed as a sum.
pub static VARIANCE: Op = Op {
    name: "variance",
    source: include_str!("variance.rs"),
    class: Class::Reduction,
    arguments: &[Argument::Nonlinear(jvp)],
    simplify,
    shape: |attributes, inputs| {
        let axes = attributes.axes();
        let there = axes.is_sorted_by(|a, b| a < b) && axes.iter().all(|&axis| axis < inputs[0].rank());
        if there && axes.iter().all(|&axis| inputs[0][axis] > 0) {
            Ok(inputs[0].without(axes))
        } else {
            let expected = format!("an input with axes {axes:?}, in increasing order, none of them empty");
            Err(Misfit::new(expected, "each axis once, sorted"))
        }
    },
    evaluate: |attributes, inputs, shape| {
        let axes = attributes.axes();
        let place = |index: &[usize]| {
            let kept: Vec<usize> =
                (0..index.len()).filter(|axis| !axes.contains(axis)).map(|axis| index[axis]).collect();
            offset(shape, &kept)
        };
        let places: Vec<usize> = indices(&inputs[0].shape).map(|index| place(&index)).collect();
        let count = (inputs[0].data.len() / shape.size().max(1)) as f64;
        let mean_by_place = |values: Vec<f64>| {
            let mut sums = vec![0.0; shape.size()];
            values.iter().zip(&places).for_each(|(value, &place)| sums[place] += value / count);
            sums
        };
        let means = mean_by_place(inputs[0].data.clone());
        mean_by_place(inputs[0].data.iter().zip(&places).map(|(x, &place)| (x - means[place]).powi(2)).collect())
    },
    flops: no_flops,
    cases: || {
        let case = |axes: &[usize]| Case {
            attributes: Attributes::Axes(axes.to_vec()),
            inputs: vec![(Shape::new(&[4, 3, 5]), Domain::Real)],
        };
        vec![case(&[0]), case(&[2]), case(&[1, 2]), case(&[0, 2]), case(&[0, 1, 2])]
    },
};

impl Graph {
    /// The variance of `x` over `axes`: the mean squared distance from the mean.
    pub fn variance(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId, Error> {
        self.apply(&VARIANCE, Attributes::Axes(axes.to_vec()), &[x])
    }

    /// `x` less its mean over `axes`.
    pub fn centred(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId, Error> {
        let mean = self.mean(x, axes)?;
        let spread = self.broadcast(mean, self.shape(x).clone(), axes)?;
        self.sub(x, spread)
    }
}

/// `2 mean((x - mean(x)) t)`
fn jvp(g: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, Error> {
    let (x, axes) = (g.operand(y, 0), g.node(y).attributes.axes().to_vec());
    let centred = g.centred(x, &axes)?;
    let weighted = g.mul(centred, t)?;
    let mean = g.mean(weighted, &axes)?;
    g.scale(mean, 2.0)
}

fn simplify(g: &mut Graph, attributes: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (x, axes) = (inputs[0], attributes.axes());
    if axes.is_empty() || g.constant_value(x).is_some() {
        let shape = g.shape(x).without(axes);
        return g.filled(0.0, shape).map(Some);
    }
    Ok(None)
}
