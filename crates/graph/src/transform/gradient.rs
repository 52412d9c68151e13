use std::collections::HashMap;

use super::transpose::{Cotangents, vjp};
use crate::{Error, Graph, NodeId};

/// What reverse mode gives.
#[derive(Debug, Clone)]
pub struct Gradient {
    /// The gradient with respect to each parameter, in the order asked for.
    pub gradients: Vec<NodeId>,
    /// The adjoint `dL/d(node)` of every node between the parameters and the loss.
    pub adjoints: HashMap<NodeId, NodeId>,
}

/// The gradient of the sum of `losses` with respect to `parameters`. Cost: two forward passes at most.
///
/// A parameter on which the loss does not depend gets a gradient of zeros.
///
/// # Errors
/// [`Error::NotALoss`] if `losses` is not a vector, [`Error::OtherGraph`] if a node is of another graph.
pub fn gradient(graph: &mut Graph, losses: NodeId, parameters: &[NodeId]) -> Result<Gradient, Error> {
    graph.require("gradient", [losses].iter().chain(parameters).copied())?;
    if graph.shape(losses).rank() != 1 {
        return Err(Error::NotALoss { got: graph.shape(losses).clone() });
    }
    let seed = graph.filled_like(1.0, losses)?;
    pull_back(graph, losses, seed, parameters)
}

/// The gradient of `<cotangent, root>` with respect to `parameters`, the cotangent held fixed.
///
/// # Errors
/// [`Error::Shape`] if `cotangent` has another shape than `root`.
pub(super) fn pull_back(
    graph: &mut Graph,
    root: NodeId,
    cotangent: NodeId,
    parameters: &[NodeId],
) -> Result<Gradient, Error> {
    let varies = graph.varies_with(parameters);
    let (mut parts, mut adjoints) = (Cotangents::of(root, cotangent), HashMap::new());
    let path: Vec<NodeId> = graph.ids().take(root.index() + 1).filter(|id| varies[id.index()]).collect();
    for id in path.into_iter().rev() {
        let Some(adjoint) = parts.sum(graph, id)? else { continue };
        adjoints.insert(id, adjoint);
        for (argument, input) in graph.node(id).inputs.clone().into_iter().enumerate() {
            if varies[input.index()]
                && let Some(part) = vjp(graph, id, argument, adjoint)?
            {
                parts.add(input, part);
            }
        }
    }
    let mut gradients = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        gradients.push(match adjoints.get(parameter) {
            Some(&gradient) => gradient,
            None => graph.filled_like(0.0, *parameter)?,
        });
    }
    Ok(Gradient { gradients, adjoints })
}
