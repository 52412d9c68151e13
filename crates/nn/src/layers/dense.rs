use onedge_graph::{Graph, NodeId, Shape};

use crate::{Error, Init, Parameters};

/// `y = x W + b`
///
/// Shapes: `x: [.., in]`, `W: [in, out]`, `b: [out]`, `y: [.., out]`.
#[derive(Debug, Clone)]
pub struct Dense {
    weight: usize,
    bias: Option<usize>,
}

/// Whether a layer has a bias; if so, it starts at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// `y = x W + b`
    Zeros,
    /// `y = x W`
    None,
}

impl Dense {
    /// Adds `<name>.weight` and, unless there is none, `<name>.bias`.
    ///
    /// # Errors
    /// [`Error::TooManyParameters`]
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        [inputs, outputs]: [usize; 2],
        weight: Init,
        bias: Bias,
    ) -> Result<Self, Error> {
        let weight = parameters.add(format!("{name}.weight"), &[inputs, outputs], weight)?;
        let bias = bias.add(parameters, name, outputs)?;
        Ok(Self { weight, bias })
    }

    /// The outputs for `x`, with the nodes of all parameters of the model.
    ///
    /// # Errors
    /// [`onedge_graph::Error::Shape`] if `x` or a parameter has another shape.
    pub fn apply(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, onedge_graph::Error> {
        let shape = g.shape(x).clone();
        let Some((&inputs, outer)) = shape.split_last() else { return g.matmul(x, parameters[self.weight]) };
        let rows = g.reshape(x, Shape::new(&[outer.iter().product(), inputs]))?;
        let mut y = g.matmul(rows, parameters[self.weight])?;
        if let Some(bias) = self.bias {
            y = add_along_last(g, y, parameters[bias])?;
        }
        let outputs = g.shape(y)[1];
        g.reshape(y, Shape::from([outer, &[outputs]].concat()))
    }
}

impl Bias {
    /// Adds `<name>.bias`, unless there is none.
    pub(super) fn add(self, parameters: &mut Parameters, name: &str, outputs: usize) -> Result<Option<usize>, Error> {
        match self {
            Self::Zeros => parameters.add(format!("{name}.bias"), &[outputs], Init::Zeros).map(Some),
            Self::None => Ok(None),
        }
    }
}

/// `x + b` for `x: [.., n]`, `b: [n]`.
pub(super) fn add_along_last(g: &mut Graph, x: NodeId, b: NodeId) -> Result<NodeId, onedge_graph::Error> {
    let spread = spread_along_last(g, x, b)?;
    g.add(x, spread)
}

/// `b: [n]` in the shape of `x: [.., n]`.
pub(super) fn spread_along_last(g: &mut Graph, x: NodeId, b: NodeId) -> Result<NodeId, onedge_graph::Error> {
    let shape = g.shape(x).clone();
    let outer: Vec<usize> = (0..shape.rank().saturating_sub(1)).collect();
    g.broadcast(b, shape, &outer)
}
