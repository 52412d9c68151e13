//! `concat(a, b; axis)`: `b` behind `a` along an axis.

use super::elementwise::{no_flops, no_simpler};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Margins, Misfit, NodeId, Op, Shape};

/// Two tensors side by side.
pub static CONCAT: Op = Op {
    name: "concat",
    source: include_str!("concat.rs"),
    class: Class::Movement,
    arguments: &[
        Argument::Affine { part: |g, y, t| pad(g, y, t, 0), transpose: |g, y, ct| cut(g, y, ct, 0) },
        Argument::Affine { part: |g, y, t| pad(g, y, t, 1), transpose: |g, y, ct| cut(g, y, ct, 1) },
    ],
    simplify: no_simpler,
    shape: |attributes, inputs| match attributes.axes() {
        &[axis] if axis < inputs[0].rank() && inputs[0].rank() == inputs[1].rank() => {
            let fits = inputs[0].without(&[axis]) == inputs[1].without(&[axis]);
            let mut extents = inputs[0].to_vec();
            // Too large a sum is an extent that no result can have.
            extents[axis] = extents[axis].saturating_add(inputs[1][axis]);
            if fits { Ok(extents.into()) } else { Err(misfit(format!("shapes that differ along axis {axis} alone"))) }
        }
        axes => Err(misfit(format!("two inputs of the same rank, with axis {axes:?}"))),
    },
    evaluate: |attributes, inputs, shape| {
        let axis = attributes.axes()[0];
        let [a, b] = [0, 1].map(|i| inputs[i].shape[axis..].iter().product::<usize>());
        let outer: usize = shape[..axis].iter().product();
        let run = |i: usize| inputs[0].data[i * a..(i + 1) * a].iter().chain(&inputs[1].data[i * b..(i + 1) * b]);
        (0..outer).flat_map(run).copied().collect()
    },
    flops: no_flops,
    cases: || {
        let case = |axis: usize, other: &[usize]| Case {
            attributes: Attributes::Axes(vec![axis]),
            inputs: vec![(Shape::new(&[2, 3, 4]), Domain::Real), (Shape::new(other), Domain::Real)],
        };
        vec![case(0, &[1, 3, 4]), case(1, &[2, 5, 4]), case(2, &[2, 3, 2])]
    },
};

impl Graph {
    /// `b` behind `a` along `axis`.
    pub fn concat(&mut self, a: NodeId, b: NodeId, axis: usize) -> Result<NodeId, Error> {
        self.apply(&CONCAT, Attributes::Axes(vec![axis]), &[a, b])
    }

    /// Any number of tensors along `axis`, in order: halves are joined, so that each element is copied seldom.
    ///
    /// # Errors
    /// As for two; [`Error::Argument`] if there is none, or no such axis.
    pub fn concat_all(&mut self, parts: &[NodeId], axis: usize) -> Result<NodeId, Error> {
        self.require("concat", parts.iter().copied())?;
        let wrong = |expected, got, hint| Err(Error::Argument { op: "concat", expected, got, hint });
        match *parts {
            [] => wrong("at least one tensor".to_owned(), "none".to_owned(), "leaving the join out"),
            [part] if axis >= self.shape(part).rank() => {
                wrong(format!("an axis of {}", self.shape(part)), axis.to_string(), "a smaller one")
            }
            [part] => Ok(part),
            _ => {
                let (left, right) = parts.split_at(parts.len() / 2);
                let (left, right) = (self.concat_all(left, axis)?, self.concat_all(right, axis)?);
                self.concat(left, right, axis)
            }
        }
    }
}

fn misfit(expected: String) -> Misfit {
    Misfit::new(expected, "another axis, or reshaping one of them")
}

/// Where the part of an argument lies in the result of `y`.
fn margins(g: &Graph, y: NodeId, argument: usize) -> Margins {
    let axis = g.node(y).attributes.axes()[0];
    let [a, b] = [0, 1].map(|i| g.shape(g.operand(y, i))[axis]);
    let (before, after) = if argument == 0 { (0, b) } else { (a, 0) };
    Margins::along(g.shape(y).rank(), axis, before, after)
}

fn pad(g: &mut Graph, y: NodeId, t: NodeId, argument: usize) -> Result<NodeId, Error> {
    let margins = margins(g, y, argument);
    g.pad(t, margins)
}

fn cut(g: &mut Graph, y: NodeId, ct: NodeId, argument: usize) -> Result<NodeId, Error> {
    let margins = margins(g, y, argument);
    g.slice(ct, margins)
}
