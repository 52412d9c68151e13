//! `slice(x; margins)`: `x` with its margins cut off.

use super::elementwise::no_flops;
use crate::reference::{indices, offset};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Margins, Misfit, NodeId, Op, Shape};

/// The inner part of a tensor. The transpose of [`pad`](super::pad) with zeros.
pub static SLICE: Op = Op {
    name: "slice",
    source: include_str!("slice.rs"),
    class: Class::Movement,
    arguments: &[Argument::Linear(|g, y, ct| {
        let margins = g.node(y).attributes.margins().clone();
        g.pad(ct, margins)
    })],
    simplify: |g, attributes, inputs| {
        let (x, margins) = (inputs[0], attributes.margins());
        if margins.shrink(g.shape(x)).as_ref() == Some(g.shape(x)) {
            return Ok(Some(x));
        }
        // What was just padded.
        let node = g.node(x);
        let undone = node.op.name == "pad" && {
            let padded = node.attributes.margins();
            padded.before == margins.before && padded.after == margins.after
        };
        Ok(undone.then(|| g.operand(x, 0)))
    },
    shape: |attributes, inputs| {
        let margins = attributes.margins();
        margins.shrink(inputs[0]).ok_or_else(|| {
            let expected =
                format!("at least {:?} and {:?} elements to cut from each axis", margins.before, margins.after);
            Misfit::new(expected, "a shorter range")
        })
    },
    evaluate: |attributes, inputs, shape| {
        let margins = attributes.margins();
        let source = |index: Vec<usize>| {
            let moved: Vec<usize> = index.iter().zip(&margins.before).map(|(i, before)| i + before).collect();
            inputs[0].data[offset(&inputs[0].shape, &moved)]
        };
        indices(shape).map(source).collect()
    },
    flops: no_flops,
    cases: || {
        let case = |before: &[usize], after: &[usize]| Case {
            attributes: Attributes::Margins(Margins { before: before.to_vec(), after: after.to_vec(), fill: 0 }),
            inputs: vec![(Shape::new(&[3, 4, 5]), Domain::Real)],
        };
        vec![case(&[1, 0, 2], &[0, 3, 1]), case(&[0, 0, 3], &[0, 0, 0]), case(&[0, 1, 0], &[2, 0, 0])]
    },
};

impl Graph {
    /// `x` without `margins`.
    pub fn slice(&mut self, x: NodeId, margins: Margins) -> Result<NodeId, Error> {
        self.apply(&SLICE, Attributes::Margins(margins.filled(0.0)), &[x])
    }

    /// Elements `start .. start + len` of `x` along `axis`.
    ///
    /// # Errors
    /// If `x` is shorter.
    pub fn slice_axis(&mut self, x: NodeId, axis: usize, start: usize, len: usize) -> Result<NodeId, Error> {
        self.require("slice", [x])?;
        let shape = self.shape(x);
        let extent = shape.get(axis).copied().unwrap_or(0);
        // Too little to cut from makes the shape rule say so.
        let after =
            extent.checked_sub(start).and_then(|rest| rest.checked_sub(len)).unwrap_or(extent.saturating_add(1));
        let margins = Margins::along(shape.rank(), axis, start, after);
        self.slice(x, margins)
    }
}
