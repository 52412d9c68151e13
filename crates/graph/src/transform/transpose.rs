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
    let mut cotangents = Cotangents::of(root, cotangent);
    for id in path.into_iter().rev().filter(|id| varies.contains(id)) {
        let Some(ct) = cotangents.sum(graph, id)? else { continue };
        if id == source {
            return Ok(Some(ct));
        }
        for (argument, input) in graph.node(id).inputs.clone().into_iter().enumerate() {
            if varies.contains(&input) {
                let Some(part) = pull(graph, id, argument, ct)? else { continue };
                cotangents.add(input, part);
            }
        }
    }
    cotangents.sum(graph, source)
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

/// What each node's cotangent is the sum of.
pub(super) struct Cotangents(HashMap<NodeId, Vec<NodeId>>);

impl Cotangents {
    /// That of the root.
    pub(super) fn of(root: NodeId, cotangent: NodeId) -> Self {
        Self(HashMap::from([(root, vec![cotangent])]))
    }

    /// Adds `part` to the cotangent of `id`.
    pub(super) fn add(&mut self, id: NodeId, part: NodeId) {
        self.0.entry(id).or_default().push(part);
    }

    /// The cotangent of `id`, once all its parts are there; `None` if it has none.
    pub(super) fn sum(&mut self, graph: &mut Graph, id: NodeId) -> Result<Option<NodeId>, Error> {
        let Some(parts) = self.0.remove(&id) else { return Ok(None) };
        // Slices of one value have cotangents that are zero elsewhere. Neighbours are joined, halves by halves.
        let (mut padded, mut rest): (Vec<NodeId>, Vec<NodeId>) =
            parts.iter().partition(|&&part| graph.part(part).is_some());
        if padded.len() > 1 {
            padded.sort_by_key(|&part| graph.part(part).map(|(axis, part)| (axis, part.start)));
            rest.push(join(graph, &padded)?);
        } else {
            rest = parts;
        }
        let mut parts = rest.into_iter();
        let first = parts.next();
        first.map(|first| parts.try_fold(first, |sum, part| graph.add(sum, part))).transpose()
    }
}

/// The sum of some values, by the sums of either half.
fn join(graph: &mut Graph, parts: &[NodeId]) -> Result<NodeId, Error> {
    match *parts {
        [part] => Ok(part),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            let (left, right) = (join(graph, left)?, join(graph, right)?);
            graph.add(left, right)
        }
    }
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
