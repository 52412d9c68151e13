//! Which extents of a graph's values are multiples of the number of examples.

use onedge_graph::{Attributes, Graph};

use crate::Error;

/// How long a value is along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// Always so.
    Fixed(usize),
    /// So many times the number of examples.
    Batch(usize),
}

/// The extents of every node, all fixed.
pub fn fixed(graph: &Graph) -> Vec<Vec<Extent>> {
    graph.nodes().iter().map(|node| node.shape.iter().map(|&extent| Extent::Fixed(extent)).collect()).collect()
}

/// The extents of every node, found by comparing the graph of two examples with that of three.
///
/// # Errors
/// [`Error::Batch`] if they differ in anything but extents that are multiples of the number of examples.
pub fn compare(two: &Graph, three: &Graph) -> Result<Vec<Vec<Extent>>, Error> {
    let (nodes, others) = (two.nodes(), three.nodes());
    if nodes.len() != others.len() {
        let got = format!("{} nodes and {}", nodes.len(), others.len());
        return Err(Error::Batch { op: "the graph", got });
    }
    nodes
        .iter()
        .zip(others)
        .map(|(node, other)| {
            let places = |node: &onedge_graph::Node| node.inputs.iter().map(|id| id.index()).collect::<Vec<_>>();
            let alike = node.op == other.op
                && places(node) == places(other)
                && node.shape.rank() == other.shape.rank()
                && apart_from_shapes(&node.attributes) == apart_from_shapes(&other.attributes);
            let differ = || Error::Batch {
                op: node.op.name,
                got: format!(
                    "{:?} and {:?}, {:?} and {:?}",
                    node.shape, other.shape, node.attributes, other.attributes
                ),
            };
            if !alike {
                return Err(differ());
            }
            node.shape.iter().zip(other.shape.iter()).map(|(&a, &b)| extent(a, b).ok_or_else(differ)).collect()
        })
        .collect()
}

/// From an extent with two examples and the same with three.
fn extent(two: usize, three: usize) -> Option<Extent> {
    match (two, three) {
        (a, b) if a == b => Some(Extent::Fixed(a)),
        (a, b) if a % 2 == 0 && b % 3 == 0 && a / 2 == b / 3 => Some(Extent::Batch(a / 2)),
        _ => None,
    }
}

/// What attributes say beside the shape of the result, which nodes have themselves.
fn apart_from_shapes(attributes: &Attributes) -> Attributes {
    match attributes {
        Attributes::Filled(bits, _) => Attributes::Scalar(*bits),
        Attributes::Shape(_) | Attributes::Input(..) => Attributes::None,
        Attributes::Broadcast(_, axes) => Attributes::Axes(axes.clone()),
        Attributes::Along(_, axis) => Attributes::Axes(vec![*axis]),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use onedge_graph::Shape;

    use super::*;

    #[test]
    fn multiples_are_found_and_anything_else_is_refused() {
        assert_eq!(extent(5, 5), Some(Extent::Fixed(5)));
        assert_eq!(extent(2, 3), Some(Extent::Batch(1)));
        assert_eq!(extent(14, 21), Some(Extent::Batch(7)));
        assert_eq!((extent(3, 4), extent(4, 9), extent(2, 6)), (None, None, None));

        let graph = |batch: usize, scaled: f64| {
            let mut g = Graph::new();
            let x = g.input(Shape::new(&[batch, 4]));
            let flat = g.reshape(x, Shape::new(&[batch * 4])).unwrap();
            g.scale(flat, scaled).unwrap();
            g
        };
        let extents = compare(&graph(2, 0.5), &graph(3, 0.5)).unwrap();
        assert_eq!(extents[0], [Extent::Batch(1), Extent::Fixed(4)]);
        assert_eq!(extents[1], [Extent::Batch(4)]);
        // A mean over the examples: each depends on all others.
        let error = compare(&graph(2, 1.0 / 2.0), &graph(3, 1.0 / 3.0)).unwrap_err().to_string();
        assert!(error.starts_with("onnx: `scale` depends on the number of examples"), "{error}");
    }
}
