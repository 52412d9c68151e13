use std::collections::HashMap;

use crate::{Error, Graph, NodeId};

/// `root` with each key of `replacements` replaced by its value.
///
/// # Errors
/// [`Error::Shape`] if a replacement has another shape, [`Error::OtherGraph`] if a node is of another graph.
pub fn substitute(graph: &mut Graph, root: NodeId, replacements: &HashMap<NodeId, NodeId>) -> Result<NodeId, Error> {
    graph
        .require("substitute", [&root].into_iter().chain(replacements.keys()).chain(replacements.values()).copied())?;
    let mut replaced = replacements.clone();
    let Some(&oldest) = replacements.keys().min() else { return Ok(root) };
    for id in graph.needed_since(&[root], Some(oldest), |id| replacements.contains_key(&id)) {
        let inputs = graph.node(id).inputs.clone();
        if inputs.iter().any(|input| replaced.contains_key(input)) {
            let moved: Vec<NodeId> = inputs.iter().map(|input| *replaced.get(input).unwrap_or(input)).collect();
            let (op, attributes) = (graph.node(id).op, graph.node(id).attributes.clone());
            let new = graph.apply(op, attributes, &moved)?;
            replaced.insert(id, new);
        }
    }
    Ok(*replaced.get(&root).unwrap_or(&root))
}
