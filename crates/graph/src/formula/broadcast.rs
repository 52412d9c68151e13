use crate::{Error, Graph, NodeId, Shape};

/// The shape that two shapes broadcast to.
pub(super) fn common(a: &Shape, b: &Shape) -> Option<Shape> {
    let rank = a.rank().max(b.rank());
    let extent = |shape: &Shape, axis: usize| (axis + shape.rank()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    let both = (0..rank).map(|axis| match (extent(a, axis), extent(b, axis)) {
        (1, other) | (other, 1) => Some(other),
        (left, right) => (left == right).then_some(left),
    });
    both.collect::<Option<Vec<usize>>>().map(Shape::from)
}

/// `x` repeated to `shape`.
pub(super) fn stretched(g: &mut Graph, x: NodeId, shape: &Shape) -> Result<NodeId, Error> {
    let from = g.shape(x).clone();
    if common(&from, shape).as_ref() != Some(shape) {
        let expected = "a shape that broadcasts to the second".to_owned();
        let (got, hint) = (vec![from, shape.clone()], "reshaping one: axes are aligned at the last");
        return Err(Error::Shape { op: "broadcast", expected, got, hint });
    }
    let lead = shape.rank() - from.rank();
    let repeated: Vec<usize> =
        (0..shape.rank()).filter(|&axis| axis < lead || from[axis - lead] != shape[axis]).collect();
    let kept = g.reshape(x, shape.without(&repeated))?;
    g.broadcast(kept, shape.clone(), &repeated)
}
