use onedge_graph::{Error as GraphError, Graph, NodeId, Shape};

use super::dense::{add_along_last, spread_along_last};
use crate::{Error, Init, Parameters};

/// Added to the variance before its root is taken.
const EPSILON: f64 = 1e-6;

/// What a normalisation takes its statistics over. Never over examples, so the loss stays a sum over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The last axis: layer norm. Source: Ba, Kiros, Hinton 2016, arXiv 1607.06450.
    Last,
    /// All pixels and so many neighbouring channels: group norm. Source: Wu, He 2018, arXiv 1803.08494.
    Groups(usize),
    /// The last axis, without taking off the mean: RMS norm. Source: Zhang, Sennrich 2019, arXiv 1910.07467.
    RootMeanSquare,
}

/// `y = (x - mean) / sqrt(variance + 1e-6) * scale + bias`, with one scale and bias for each element of the last axis
/// (RMS norm: `y = x / sqrt(mean(x^2) + 1e-6) * scale`). The scale starts at 1, the bias at 0.
///
/// Composed of elementwise work and sums, which the engine fuses; measured against a fused form before that is added.
#[derive(Debug, Clone)]
pub struct Norm {
    over: Over,
    scale: usize,
    bias: Option<usize>,
}

impl Norm {
    /// Adds `<name>.scale` and, but for RMS norm, `<name>.bias`.
    ///
    /// # Errors
    /// [`Error::Groups`] if the groups do not divide the width, [`Error::TooManyParameters`].
    pub fn new(parameters: &mut Parameters, name: &str, width: usize, over: Over) -> Result<Self, Error> {
        if let Over::Groups(groups) = over
            && (groups == 0 || !width.is_multiple_of(groups))
        {
            return Err(Error::Groups { name: name.to_owned(), groups, width });
        }
        let scale = parameters.add(format!("{name}.scale"), &[width], Init::Constant(1.0))?;
        let bias = match over {
            Over::RootMeanSquare => None,
            _ => Some(parameters.add(format!("{name}.bias"), &[width], Init::Zeros)?),
        };
        Ok(Self { over, scale, bias })
    }

    /// The normalised `x: [.., width]` (`[n, height, width, channels]` for groups).
    ///
    /// # Errors
    /// [`GraphError::Shape`] if `x` has another width.
    pub fn apply(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, GraphError> {
        let shape = g.shape(x).clone();
        let last = shape.rank() - 1;
        let normal = match self.over {
            Over::Last => standardise(g, x, &[last])?,
            Over::RootMeanSquare => over_root(g, x, x, &[last])?,
            Over::Groups(groups) => {
                let split = [&shape[..last], &[groups, shape[last] / groups]].concat();
                let grouped = g.reshape(x, Shape::from(split))?;
                let axes: Vec<usize> = (1..last).chain([last + 1]).collect();
                let normal = standardise(g, grouped, &axes)?;
                g.reshape(normal, shape)?
            }
        };
        let scale = spread_along_last(g, normal, parameters[self.scale])?;
        let scaled = g.mul(normal, scale)?;
        match self.bias {
            Some(bias) => add_along_last(g, scaled, parameters[bias]),
            None => Ok(scaled),
        }
    }
}

/// `x` less its mean over `axes`, over its standard deviation there.
fn standardise(g: &mut Graph, x: NodeId, axes: &[usize]) -> Result<NodeId, GraphError> {
    let mean = g.mean(x, axes)?;
    let spread = g.broadcast(mean, g.shape(x).clone(), axes)?;
    let centred = g.sub(x, spread)?;
    over_root(g, centred, centred, axes)
}

/// `x / sqrt(mean(y^2) + 1e-6)`, the mean taken over `axes`.
fn over_root(g: &mut Graph, x: NodeId, y: NodeId, axes: &[usize]) -> Result<NodeId, GraphError> {
    let square = g.mul(y, y)?;
    let mean = g.mean(square, axes)?;
    let epsilon = g.filled_like(EPSILON, mean)?;
    let shifted = g.add(mean, epsilon)?;
    let root = g.sqrt(shifted)?;
    let inverse = g.reciprocal(root)?;
    let spread = g.broadcast(inverse, g.shape(x).clone(), axes)?;
    g.mul(x, spread)
}
