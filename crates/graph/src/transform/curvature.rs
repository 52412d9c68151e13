use std::collections::HashMap;

use super::jvp::{jvp, tangent};
use super::polarise::polarise;
use super::substitute::substitute;
use crate::{Argument, Error, Gradient, Graph, Node, NodeId, Shifted, Tangents};

/// The terms whose elements sum to `u . H u`, where `tangents` holds `u` for each parameter and is extended:
///
/// ```text
/// u . H u = sum over nodes of < adjoint(node), D2 node [t, t] >
/// ```
///
/// with `t` the tangents of the node's inputs. Only forward tangents are computed, no second backward pass. A linear
/// node contributes nothing; the second derivative of any other is the jvp of its jvp with `t` held fixed. Products of
/// the parameters in `shifted`, which may be empty, are polarised: two products in place of three, see [`Shifted`].
///
/// # Errors
/// [`Error::Shape`] if a tangent has another shape than its parameter, [`Error::OtherGraph`] if a node is of another graph.
pub fn curvature(
    graph: &mut Graph,
    losses: NodeId,
    gradient: &Gradient,
    tangents: &mut Tangents,
    shifted: &HashMap<NodeId, Shifted>,
) -> Result<Vec<NodeId>, Error> {
    graph.require("curvature", [&losses].into_iter().chain(tangents.keys()).chain(tangents.values()).copied())?;
    graph.require("curvature", gradient.adjoints.iter().flat_map(|(&node, &adjoint)| [node, adjoint]))?;
    let polarised = polarise(graph, losses, tangents, shifted)?;
    let mut nodes: Vec<NodeId> = gradient.adjoints.keys().copied().collect();
    nodes.sort_unstable();
    let mut terms = Vec::new();
    for node in nodes {
        let second = match polarised.get(&node) {
            Some(&second) => Some(second),
            None => second_derivative(graph, node, tangents)?,
        };
        if let Some(second) = second {
            terms.push(graph.mul(gradient.adjoints[&node], second)?);
        }
    }
    Ok(terms)
}

/// `D2 node [t, t]`, or `None` if it is zero.
fn second_derivative(graph: &mut Graph, node: NodeId, tangents: &Tangents) -> Result<Option<NodeId>, Error> {
    let Node { op, attributes, inputs, .. } = graph.node(node).clone();
    let mut moving: Vec<NodeId> = inputs.iter().copied().filter(|input| tangents.contains_key(input)).collect();
    moving.sort_unstable();
    moving.dedup();
    let linear = |argument: &Argument| matches!(argument, Argument::Affine { .. }) || argument.is_fixed();
    if moving.is_empty() || op.arguments.iter().all(linear) {
        return Ok(None);
    }
    // Symbols stand for the inputs that move and for their tangents: what a rule makes of an input must not be simplified to something behind it,
    // and a tangent that happens to be a node of the rule is held fixed too.
    let (mut first, mut actual, mut operands) = (Tangents::new(), HashMap::new(), inputs);
    for input in moving {
        let [symbol, tangent] = [(); 2].map(|()| graph.input(graph.shape(input).clone()));
        operands.iter_mut().filter(|operand| **operand == input).for_each(|operand| *operand = symbol);
        first.insert(symbol, tangent);
        actual.extend([(symbol, input), (tangent, tangents[&input])]);
    }
    let alike = graph.apply(op, attributes, &operands)?;
    actual.insert(alike, node);
    let Some(pushed) = tangent(graph, alike, &first)? else { return Ok(None) };
    first.insert(alike, pushed);
    let mut second = first;
    if second.contains_key(&pushed) {
        return Ok(None);
    }
    jvp(graph, &[pushed], &mut second)?;
    match second.get(&pushed) {
        Some(&second) => substitute(graph, second, &actual).map(Some),
        None => Ok(None),
    }
}
