use crate::{Graph, NodeId};

/// The loss of a model on a chunk of examples, ready to be differentiated and run.
#[derive(Debug, Clone)]
pub struct LossGraph {
    /// The graph that holds all nodes below.
    pub graph: Graph,
    /// The parameter tensors, in the order in which they lie in the flat vector.
    pub parameters: Vec<NodeId>,
    /// The fields of the data (inputs, labels), each with the examples of the chunk as its first axis.
    pub fields: Vec<NodeId>,
    /// What the model predicts: the losses depend on the parameters through it alone.
    pub outputs: NodeId,
    /// The loss of each example: shape `[examples]`. The objective is the mean of it over all examples.
    pub losses: NodeId,
    /// Further values of each example whose means are of interest (accuracy), by name: shape `[examples]`.
    pub metrics: Vec<(&'static str, NodeId)>,
}
