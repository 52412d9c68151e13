use std::collections::HashMap;

use crate::{Argument, Error, Graph, NodeId};

/// The tangent of each node that has one; every other tangent is zero.
pub type Tangents = HashMap<NodeId, NodeId>;

/// Pushes tangents forward: extends `tangents` by those of `roots` and of all nodes between.
///
/// Nodes that have a tangent already are not looked behind, so `tangents` may start anywhere in the graph.
///
/// # Errors
/// [`Error::Shape`] if a given tangent has another shape than its node, [`Error::OtherGraph`] if a node is of another graph.
pub fn jvp(graph: &mut Graph, roots: &[NodeId], tangents: &mut Tangents) -> Result<(), Error> {
    graph.require("jvp", roots.iter().chain(tangents.keys()).chain(tangents.values()).copied())?;
    // What is older than all nodes that have tangents depends on none of them.
    let Some(&oldest) = tangents.keys().min() else { return Ok(()) };
    for id in graph.needed_since(roots, Some(oldest), |id| tangents.contains_key(&id)) {
        if let Some(tangent) = tangent(graph, id, tangents)? {
            tangents.insert(id, tangent);
        }
    }
    Ok(())
}

/// The tangent of one node from those of its inputs; `None` if it is zero.
pub(super) fn tangent(graph: &mut Graph, id: NodeId, tangents: &Tangents) -> Result<Option<NodeId>, Error> {
    let (op, inputs) = (graph.node(id).op, graph.node(id).inputs.clone());
    let mut total = None;
    for (argument, input) in inputs.iter().enumerate() {
        let Some(&t) = tangents.get(input) else { continue };
        let part = match op.arguments[argument] {
            Argument::Fixed | Argument::Index(_) => continue,
            Argument::Linear(_) => {
                let mut moved = inputs.clone();
                moved[argument] = t;
                graph.apply(op, graph.node(id).attributes.clone(), &moved)?
            }
            Argument::Affine { part, .. } => part(graph, id, t)?,
            Argument::Nonlinear(jvp) => jvp(graph, id, t)?,
        };
        total = Some(match total {
            None => part,
            Some(sum) => graph.add(sum, part)?,
        });
    }
    Ok(total.filter(|&sum| graph.constant_value(sum) != Some(0.0)))
}
