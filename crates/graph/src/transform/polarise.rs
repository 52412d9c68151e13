use std::collections::HashMap;

use super::jvp::tangent;
use crate::{Class, Error, Graph, NodeId, Shape, Tangents};

/// A parameter W moved along its tangent U by a step s either way, all of them inputs of the graph.
///
/// Any s but 0 gives the same derivatives but for rounding, which is small where `s U` is as large as `W`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shifted {
    /// `W + s U`
    pub plus: NodeId,
    /// `W - s U`
    pub minus: NodeId,
    /// `s`, a scalar.
    pub step: NodeId,
    /// `1 / (2 s)`
    pub half_inverse: NodeId,
    /// `1 / s^2`
    pub inverse_square: NodeId,
}

impl Shifted {
    /// Inputs for a parameter of this shape.
    pub fn inputs(graph: &mut Graph, shape: &Shape) -> Self {
        let mut scalar = || graph.input(Shape::new(&[]));
        let (step, half_inverse, inverse_square) = (scalar(), scalar(), scalar());
        let (plus, minus) = (graph.input(shape.clone()), graph.input(shape.clone()));
        Self { plus, minus, step, half_inverse, inverse_square }
    }
}

/// Pushes tangents forward to `losses`, as [`jvp`](crate::jvp), and gives `D2 y [t, t]` of every product y of a
/// parameter W in `shifted` and a value x with tangent t. Two products where tangent and second derivative take three:
///
/// ```text
/// A = f(W + s U, x + s t)     (A - B) / 2s         = f(U, x) + f(W, t)    the tangent of y
/// B = f(W - s U, x - s t)     (A + B - 2 y) / s^2  = 2 f(U, t)            D2 y [t, t]
/// ```
///
/// Exact for any s, as y = f(W, x) is linear in each operand.
///
/// # Errors
/// [`Error::Shape`] if a tangent has another shape than its parameter.
pub(super) fn polarise(
    graph: &mut Graph,
    losses: NodeId,
    tangents: &mut Tangents,
    shifted: &HashMap<NodeId, Shifted>,
) -> Result<HashMap<NodeId, NodeId>, Error> {
    let sources: Vec<NodeId> = tangents.keys().copied().collect();
    let varies = graph.varies_with(&sources);
    let needed = graph.needed_by(&[losses]);
    let path: Vec<NodeId> = graph.ids().filter(|id| varies[id.index()] && needed[id.index()]).collect();
    let mut second = HashMap::new();
    for y in path {
        if tangents.contains_key(&y) {
            continue;
        }
        if let Some((tangent, derivative)) = product(graph, y, tangents, shifted)? {
            tangents.insert(y, tangent);
            second.insert(y, derivative);
        } else if let Some(tangent) = tangent(graph, y, tangents)? {
            tangents.insert(y, tangent);
        }
    }
    Ok(second)
}

/// Tangent and second derivative of a product of a shifted parameter and something else that moves.
fn product(
    graph: &mut Graph,
    y: NodeId,
    tangents: &Tangents,
    shifted: &HashMap<NodeId, Shifted>,
) -> Result<Option<(NodeId, NodeId)>, Error> {
    let (op, attributes, inputs) = (graph.node(y).op, graph.node(y).attributes.clone(), graph.node(y).inputs.clone());
    let &[left, right] = &inputs[..] else { return Ok(None) };
    if op.class != Class::Product || left == right {
        return Ok(None);
    }
    let (weight, x) = match (shifted.get(&left), shifted.get(&right)) {
        (Some(weight), None) => (weight, right),
        (None, Some(weight)) => (weight, left),
        _ => return Ok(None),
    };
    let Some(&t) = tangents.get(&x) else { return Ok(None) };
    let spread = |graph: &mut Graph, scalar: NodeId, like: NodeId| {
        let shape = graph.shape(like).clone();
        let axes: Vec<usize> = (0..shape.rank()).collect();
        graph.broadcast(scalar, shape, &axes)
    };
    let step = spread(graph, weight.step, x)?;
    let moved = graph.mul(step, t)?;
    let (up, down) = (graph.add(x, moved)?, graph.sub(x, moved)?);
    let operands = |weight: NodeId, x: NodeId| if shifted.contains_key(&left) { [weight, x] } else { [x, weight] };
    let a = graph.apply(op, attributes.clone(), &operands(weight.plus, up))?;
    let b = graph.apply(op, attributes, &operands(weight.minus, down))?;
    let half_inverse = spread(graph, weight.half_inverse, y)?;
    let difference = graph.sub(a, b)?;
    let tangent = graph.mul(difference, half_inverse)?;
    // (A - y) + (B - y): the differences are exact where s t is small.
    let (above, below) = (graph.sub(a, y)?, graph.sub(b, y)?);
    let bend = graph.add(above, below)?;
    let inverse_square = spread(graph, weight.inverse_square, y)?;
    Ok(Some((tangent, graph.mul(bend, inverse_square)?)))
}
