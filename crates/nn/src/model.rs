use std::fmt;

use onedge_graph::{Graph, NodeId};

use crate::{Io, Parameter, Parameters};

/// A network: its parameters, and how it builds its outputs from them.
pub struct Model {
    io: Io,
    parameters: Vec<Parameter>,
    forward: Box<Forward>,
}

/// From the parameters and the inputs `[batch, ..]`, the outputs `[batch, outputs]`.
type Forward = dyn Fn(&mut Graph, &[NodeId], NodeId) -> Result<NodeId, onedge_graph::Error> + Send + Sync;

impl Model {
    /// A model with these parameters. From their nodes, in this order, and the inputs `[batch, ..]`, `forward` makes
    /// the outputs `[batch, outputs]`.
    pub fn new(
        io: &Io,
        parameters: Parameters,
        forward: impl Fn(&mut Graph, &[NodeId], NodeId) -> Result<NodeId, onedge_graph::Error> + Send + Sync + 'static,
    ) -> Self {
        Self { io: io.clone(), parameters: parameters.into_list(), forward: Box::new(forward) }
    }

    /// What goes in and what comes out.
    pub fn io(&self) -> &Io {
        &self.io
    }

    /// The parameters, in the order in which they lie in the flat vector.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The number of elements of all parameters.
    pub fn dim(&self) -> usize {
        self.parameters.iter().map(|parameter| parameter.shape.size()).sum()
    }

    /// The outputs `[batch, outputs]` for the inputs `x: [batch, ..]`, one node per parameter given.
    ///
    /// # Errors
    /// [`onedge_graph::Error::Shape`] if `x` or a parameter has another shape than the model expects.
    pub fn outputs(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, onedge_graph::Error> {
        (self.forward)(g, parameters, x)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("io", &self.io).field("parameters", &self.parameters).finish_non_exhaustive()
    }
}
