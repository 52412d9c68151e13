use crate::{Error, Graph, NodeId};

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

impl LossGraph {
    /// That all its nodes are of its graph.
    ///
    /// # Errors
    /// [`Error::OtherGraph`], which names the list that the node is in.
    pub fn check(&self) -> Result<(), Error> {
        let Self { graph, parameters, fields, outputs, losses, metrics } = self;
        graph.require("parameters", parameters.iter().copied())?;
        graph.require("fields", fields.iter().copied())?;
        graph.require("outputs", [*outputs])?;
        graph.require("losses", [*losses])?;
        graph.require("metrics", metrics.iter().map(|(_, id)| *id))
    }
}
