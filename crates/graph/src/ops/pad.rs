//! `pad(x; margins)`: `x` with margins of one number round it.

use std::ops::Range;

use super::elementwise::no_flops;
use crate::reference::{indices, offset};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Margins, Misfit, NodeId, Op, Shape};

/// Margins added along any axes.
pub static PAD: Op = Op {
    name: "pad",
    source: include_str!("pad.rs"),
    class: Class::Movement,
    arguments: &[Argument::Affine {
        part: |g, y, t| {
            let margins = g.node(y).attributes.margins().clone().filled(0.0);
            g.pad(t, margins)
        },
        transpose: |g, y, ct| {
            let margins = g.node(y).attributes.margins().clone().filled(0.0);
            g.slice(ct, margins)
        },
    }],
    simplify: |g, attributes, inputs| {
        let same = attributes.margins().grow(g.shape(inputs[0])).as_ref() == Some(g.shape(inputs[0]));
        Ok(same.then_some(inputs[0]))
    },
    shape: |attributes, inputs| {
        let margins = attributes.margins();
        margins.grow(inputs[0]).ok_or_else(|| {
            let expected =
                format!("{} axes, as many as margins, and extents that can be counted", margins.before.len());
            Misfit::new(expected, "smaller margins, one for each axis")
        })
    },
    evaluate: |attributes, inputs, shape| {
        let margins = attributes.margins();
        let mut out = vec![margins.value(); shape.size()];
        for (value, index) in inputs[0].data.iter().zip(indices(&inputs[0].shape)) {
            let moved: Vec<usize> = index.iter().zip(&margins.before).map(|(i, before)| i + before).collect();
            out[offset(shape, &moved)] = *value;
        }
        out
    },
    flops: no_flops,
    cases: || {
        let case = |before: &[usize], after: &[usize], fill: f64| Case {
            attributes: Attributes::Margins(
                Margins { before: before.to_vec(), after: after.to_vec(), fill: 0 }.filled(fill),
            ),
            inputs: vec![(Shape::new(&[3, 2, 4]), Domain::Real)],
        };
        vec![case(&[1, 0, 2], &[0, 3, 1], 0.0), case(&[0, 1, 0], &[0, 0, 0], 0.7), case(&[0, 0, 1], &[2, 0, 0], -2.5)]
    },
};

impl Graph {
    /// The axis along which `id` is padded with zeros, and which part of it is not, if it is along one axis alone.
    pub(crate) fn part(&self, id: NodeId) -> Option<(usize, Range<usize>)> {
        let node = self.node(id);
        let margins = (node.op == &PAD).then(|| node.attributes.margins()).filter(|margins| margins.fill == 0)?;
        let padded = |axis: &usize| margins.before[*axis] + margins.after[*axis] > 0;
        let mut axes = (0..node.shape.rank()).filter(padded);
        let axis = axes.next().filter(|_| axes.next().is_none())?;
        Some((axis, margins.before[axis]..node.shape[axis] - margins.after[axis]))
    }

    /// `x` with `margins` round it.
    pub fn pad(&mut self, x: NodeId, margins: Margins) -> Result<NodeId, Error> {
        self.apply(&PAD, Attributes::Margins(margins), &[x])
    }
}
