use std::collections::HashMap;

use super::jvp::{jvp, tangent};
use super::polarise::polarise;
use super::substitute::substitute;
use crate::{Argument, Error, Gradient, Graph, NodeId, Shifted, Tangents};

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
    let inputs = graph.node(node).inputs.clone();
    let mut moving: Vec<NodeId> = inputs.iter().copied().filter(|input| tangents.contains_key(input)).collect();
    moving.sort_unstable();
    moving.dedup();
    let linear = |argument: &Argument| matches!(argument, Argument::Affine { .. }) || argument.is_fixed();
    if moving.is_empty() || graph.node(node).op.arguments.iter().all(linear) {
        return Ok(None);
    }
    // Symbols stand for the tangents, so that a tangent that happens to be a node of the rule is held fixed too.
    let mut first = Tangents::new();
    let mut actual = HashMap::new();
    for input in moving {
        let symbol = graph.input(graph.shape(input).clone());
        first.insert(input, symbol);
        actual.insert(symbol, tangents[&input]);
    }
    let Some(pushed) = tangent(graph, node, &first)? else { return Ok(None) };
    first.insert(node, pushed);
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
