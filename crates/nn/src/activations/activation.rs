use onedge_graph::{Error, Graph, NodeId};

/// Applies the function to a node.
pub type Activation = fn(&mut Graph, NodeId) -> Result<NodeId, Error>;
