use super::jvp::jvp;
use crate::{Error, Gradient, Graph, NodeId, Tangents};

/// `H v`: the jvp of the gradient along `tangents` of the parameters, which is extended. Hash-consing makes it share
/// the forward tangents with [`curvature`](crate::curvature).
///
/// # Errors
/// [`Error::Shape`] if a tangent has another shape than its parameter.
pub fn hessian_vector(graph: &mut Graph, gradient: &Gradient, tangents: &mut Tangents) -> Result<Vec<NodeId>, Error> {
    jvp(graph, &gradient.gradients, tangents)?;
    let mut products = Vec::with_capacity(gradient.gradients.len());
    for id in &gradient.gradients {
        products.push(match tangents.get(id) {
            Some(&product) => product,
            None => graph.filled_like(0.0, *id)?,
        });
    }
    Ok(products)
}
