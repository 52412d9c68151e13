use std::collections::HashSet;

use super::gradient::{gradient, pull_back};
use super::jvp::jvp;
use crate::attributes::Attributes;
use crate::ops::neg::NEG;
use crate::ops::permute::PERMUTE;
use crate::ops::reshape::RESHAPE;
use crate::ops::scale::SCALE;
use crate::{Error, Graph, NodeId, Tangents};

/// `G v` with the Gauss-Newton matrix `G = J' B J`: J the derivative of `outputs` by the parameters, B the Hessian of the
/// sum of `losses` by `outputs`. What `H v` has beyond it is `sum_k dL/d(output_k) Hess(output_k) v`.
///
/// `tangents` of the parameters are extended. The losses must depend on the parameters through `outputs` alone. Cost:
/// tangents forward, B, and cotangents back: about a gradient and a forward pass.
///
/// # Errors
/// [`Error::NotALoss`] if `losses` is not a vector; [`Error::NotThrough`] if the losses read parameters beside the outputs; [`Error::Shape`] if a tangent
/// has another shape than its parameter.
///
/// Source: Schraudolph, Neural Computation 14 (2002).
pub fn gauss_newton(
    graph: &mut Graph,
    losses: NodeId,
    outputs: NodeId,
    parameters: &[NodeId],
    tangents: &mut Tangents,
) -> Result<Vec<NodeId>, Error> {
    let outputs = read_through(graph, losses, outputs, parameters)?;
    let slope = gradient(graph, losses, &[outputs])?.gradients[0];
    jvp(graph, &[outputs], tangents)?;
    let mut bent = None;
    if let Some(&pushed) = tangents.get(&outputs) {
        let mut of_outputs = Tangents::from([(outputs, pushed)]);
        jvp(graph, &[slope], &mut of_outputs)?;
        bent = of_outputs.get(&slope).copied();
    }
    let bent = match bent {
        Some(bent) => bent,
        None => graph.filled_like(0.0, outputs)?,
    };
    Ok(pull_back(graph, outputs, bent, parameters)?.gradients)
}

/// The node through which alone `losses` read the parameters: `outputs`, or what it is but another arrangement of, where the losses undo that and read
/// what lies behind it. The Gauss-Newton matrix is the same for both.
///
/// # Errors
/// [`Error::NotThrough`] if there is none.
pub fn read_through(graph: &Graph, losses: NodeId, outputs: NodeId, parameters: &[NodeId]) -> Result<NodeId, Error> {
    let parameters: HashSet<NodeId> = parameters.iter().copied().collect();
    let mut candidate = outputs;
    loop {
        let read = graph.needed_since(&[losses], None, |id| id == candidate);
        if !read.iter().any(|id| parameters.contains(id)) {
            return Ok(candidate);
        }
        let node = graph.node(candidate);
        let nonzero =
            |attributes: &Attributes| !matches!(attributes, Attributes::Scalar(bits) if f64::from_bits(*bits) == 0.0);
        let rearranged =
            [&NEG, &PERMUTE, &RESHAPE].contains(&node.op) || node.op == &SCALE && nonzero(&node.attributes);
        if !rearranged {
            return Err(Error::NotThrough);
        }
        candidate = graph.operand(candidate, 0);
    }
}
