//! `add(a, b) = a + b`

use super::elementwise::{BINARY, zip};
use super::neg::NEG;
use crate::{Argument, Attributes, Error, Graph, Margins, NodeId, Op};

/// Sum, elementwise.
pub static ADD: Op = Op {
    name: "add",
    source: include_str!("add.rs"),
    arguments: &[
        Argument::Affine { part: |_, _, t| Ok(t), transpose: |_, _, ct| Ok(ct) },
        Argument::Affine { part: |_, _, t| Ok(t), transpose: |_, _, ct| Ok(ct) },
    ],
    simplify,
    evaluate: |_, inputs, _| zip(inputs, |a, b| a + b),
    ..BINARY
};

impl Graph {
    /// Sum, elementwise.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.apply(&ADD, Attributes::None, &[a, b])
    }
}

fn simplify(g: &mut Graph, _: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (a, b) = (inputs[0], inputs[1]);
    if g.constant_value(a) == Some(0.0) {
        return Ok(Some(b));
    }
    if g.constant_value(b) == Some(0.0) {
        return Ok(Some(a));
    }
    if a == b {
        return g.scale(a, 2.0).map(Some);
    }
    if g.node(b).op == &NEG {
        return g.sub(a, g.operand(b, 0)).map(Some);
    }
    if g.node(a).op == &NEG {
        return g.sub(b, g.operand(a, 0)).map(Some);
    }
    if let Some(joined) = side_by_side(g, a, b)? {
        return Ok(Some(joined));
    }
    if a > b { g.add(b, a).map(Some) } else { Ok(None) }
}

/// The sum of two tensors of which each is zero but for its own part, where these are neighbours along an axis: what they are padded from, side by side.
fn side_by_side(g: &mut Graph, a: NodeId, b: NodeId) -> Result<Option<NodeId>, Error> {
    let (Some((axis, first)), Some((other, second))) = (g.part(a), g.part(b)) else { return Ok(None) };
    let (a, b) = if first.start <= second.start { (a, b) } else { (b, a) };
    let (before, after) = (first.start.min(second.start), first.end.max(second.end));
    if axis != other || first.end.min(second.end) != first.start.max(second.start) {
        return Ok(None);
    }
    let (rank, extent) = (g.shape(a).rank(), g.shape(a)[axis]);
    let joined = g.concat(g.operand(a, 0), g.operand(b, 0), axis)?;
    g.pad(joined, Margins::along(rank, axis, before, extent - after)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    #[test]
    fn neighbours_are_joined() {
        let mut g = Graph::new();
        let parts: Vec<NodeId> = [2, 3, 1].map(|extent| g.input(Shape::new(&[4, extent]))).to_vec();
        let pad = |g: &mut Graph, part: usize, before: usize, after: usize| {
            g.pad(parts[part], Margins::along(2, 1, before, after)).unwrap()
        };
        let (a, b, c) = (pad(&mut g, 0, 0, 4), pad(&mut g, 1, 2, 1), pad(&mut g, 2, 5, 0));
        let apart = g.add(c, a).unwrap();
        assert_eq!(g.node(apart).op.name, "add");
        let last = g.add(c, b).unwrap();
        assert_eq!(g.node(last).op.name, "pad");
        let all = g.add(last, a).unwrap();
        let expected = g.concat(parts[1], parts[2], 1).and_then(|right| g.concat(parts[0], right, 1)).unwrap();
        assert_eq!(all, expected);
        // Parts that overlap, or are filled with something else, are not.
        let over = pad(&mut g, 1, 1, 2);
        let sum = g.add(a, over).unwrap();
        assert_eq!(g.node(sum).op.name, "add");
        let filled = g.pad(parts[1], Margins::along(2, 1, 2, 1).filled(1.0)).unwrap();
        let sum = g.add(a, filled).unwrap();
        assert_eq!(g.node(sum).op.name, "add");
    }
}
