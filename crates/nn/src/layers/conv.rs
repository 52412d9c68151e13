use onedge_graph::{Graph, NodeId, Window};

use super::dense::{Bias, add_along_last};
use crate::inits::Scheme;
use crate::{Error, Parameters};

/// A convolution of images, channels last.
///
/// Shapes: `x: [n, height, width, in]`, `W: [kernel height, kernel width, in / groups, out]`, `b: [out]`,
/// `y: [n, .., .., out]`. Fan-in is kernel size times `in / groups`.
#[derive(Debug, Clone)]
pub struct Conv {
    weight: usize,
    bias: Option<usize>,
    window: Window,
}

impl Conv {
    /// Adds `<name>.weight` and, unless there is none, `<name>.bias`. The window tells the size of the images.
    ///
    /// # Errors
    /// [`Error::Window`] if the window does not fit the images, [`Error::TooManyParameters`].
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        [inputs, outputs]: [usize; 2],
        window: Window,
        init: Scheme,
        bias: Bias,
    ) -> Result<Self, Error> {
        let fits = window.output().is_some() && inputs.is_multiple_of(window.groups);
        if !fits || !outputs.is_multiple_of(window.groups) {
            return Err(Error::Window { name: name.to_owned(), window: Box::new(window), channels: [inputs, outputs] });
        }
        let ([height, width], depth) = (window.kernel, inputs / window.groups);
        let taps = height * width;
        let init = init(taps * depth, taps * (outputs / window.groups));
        let weight = parameters.add(format!("{name}.weight"), &[height, width, depth, outputs], init)?;
        let bias = bias.add(parameters, name, outputs)?;
        Ok(Self { weight, bias, window })
    }

    /// Height and width of the outputs.
    pub fn output(&self) -> [usize; 2] {
        self.window.output().expect("checked when made")
    }

    /// The outputs for `x`, with the nodes of all parameters of the model.
    ///
    /// # Errors
    /// [`onedge_graph::Error::Shape`] if `x` or a parameter has another shape.
    pub fn apply(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, onedge_graph::Error> {
        let y = g.conv2d(x, parameters[self.weight], self.window)?;
        match self.bias {
            Some(bias) => add_along_last(g, y, parameters[bias]),
            None => Ok(y),
        }
    }
}
