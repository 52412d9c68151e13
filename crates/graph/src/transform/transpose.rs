use std::collections::{HashMap, HashSet};

use crate::{Argument, Error, Graph, NodeId};

/// Transposes a linear map: for `root` linear in `source`, the `x` with `<cotangent, root(t)> = <x, t>` for all `t`.
/// `None` if `root` does not depend on `source`.
///
/// # Errors
/// [`Error::Shape`] if `cotangent` has another shape than `root`, [`Error::OtherGraph`] if a node is of another graph.
///
/// # Panics
/// If `root` is not linear in `source`.
pub fn transpose(graph: &mut Graph, root: NodeId, source: NodeId, cotangent: NodeId) -> Result<Option<NodeId>, Error> {
    graph.require("transpose", [root, source, cotangent])?;
    let path = graph.needed_since(&[root], Some(source), |id| id == source);
    let varies = varying(graph, &path, source);
    let mut cotangents = HashMap::from([(root, cotangent)]);
    for id in path.into_iter().rev().filter(|id| varies.contains(id)) {
        let Some(&ct) = cotangents.get(&id) else { continue };
        for (argument, input) in graph.node(id).inputs.clone().into_iter().enumerate() {
            if varies.contains(&input) {
                let Some(part) = pull(graph, id, argument, ct)? else { continue };
                accumulate(graph, &mut cotangents, input, part)?;
            }
        }
    }
    Ok(cotangents.get(&source).copied())
}

/// `source` and those of the nodes on a `path` from it to which derivatives flow from it.
fn varying(graph: &Graph, path: &[NodeId], source: NodeId) -> HashSet<NodeId> {
    let mut varies = HashSet::from([source]);
    for &id in path {
        let node = graph.node(id);
        let mut arguments = node.op.arguments.iter().zip(&node.inputs);
        if arguments.any(|(argument, input)| !argument.is_fixed() && varies.contains(input)) {
            varies.insert(id);
        }
    }
    varies
}

/// The cotangent of a linear argument; `None` if no derivative flows.
fn pull(graph: &mut Graph, id: NodeId, argument: usize, ct: NodeId) -> Result<Option<NodeId>, Error> {
    match graph.node(id).op.arguments[argument] {
        Argument::Fixed | Argument::Index(_) => Ok(None),
        Argument::Linear(transpose) | Argument::Affine { transpose, .. } => transpose(graph, id, ct).map(Some),
        Argument::Nonlinear(_) => panic!("{} is not linear in argument {argument}", graph.node(id).op.name),
    }
}

/// Adds `part` to the cotangent of `id`.
pub(super) fn accumulate(
    graph: &mut Graph,
    cotangents: &mut HashMap<NodeId, NodeId>,
    id: NodeId,
    part: NodeId,
) -> Result<(), Error> {
    let sum = match cotangents.get(&id) {
        Some(&sum) => graph.add(sum, part)?,
        None => part,
    };
    cotangents.insert(id, sum);
    Ok(())
}

/// The cotangent of any argument: by its transpose, or by transposing its jvp.
pub(super) fn vjp(graph: &mut Graph, id: NodeId, argument: usize, ct: NodeId) -> Result<Option<NodeId>, Error> {
    let Argument::Nonlinear(jvp) = graph.node(id).op.arguments[argument] else {
        return pull(graph, id, argument, ct);
    };
    let shape = graph.shape(graph.operand(id, argument)).clone();
    let tangent = graph.input(shape);
    let pushed = jvp(graph, id, tangent)?;
    transpose(graph, pushed, tangent, ct)
}
