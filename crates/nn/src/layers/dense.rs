use onedge_graph::{Graph, NodeId};

use crate::{Error, Init, Parameters};

/// `y = x W + b`
///
/// Shapes: `x: [batch, in]`, `W: [in, out]`, `b: [out]`, `y: [batch, out]`.
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
        let bias = match bias {
            Bias::Zeros => Some(parameters.add(format!("{name}.bias"), &[outputs], Init::Zeros)?),
            Bias::None => None,
        };
        Ok(Self { weight, bias })
    }

    /// The outputs for `x`, with the nodes of all parameters of the model.
    ///
    /// # Errors
    /// [`onedge_graph::Error::Shape`] if `x` or a parameter has another shape.
    pub fn apply(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, onedge_graph::Error> {
        let product = g.matmul(x, parameters[self.weight])?;
        let Some(bias) = self.bias else { return Ok(product) };
        let shape = g.shape(product).clone();
        let spread = g.broadcast(parameters[bias], shape, &[0])?;
        g.add(product, spread)
    }
}
