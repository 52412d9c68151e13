use onedge_graph::{Graph, NodeId, Shape};

/// `x: [batch, ..]` as `[batch, features]`.
pub fn flatten(g: &mut Graph, x: NodeId, features: usize) -> Result<NodeId, onedge_graph::Error> {
    let batch = g.shape(x)[0];
    g.reshape(x, Shape::new(&[batch, features]))
}
