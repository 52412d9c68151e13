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
        if let Over::Groups(groups) = self.over {
            return self.over_groups(g, parameters, x, groups);
        }
        let last = g.shape(x).rank() - 1;
        let (numerator, square) = if self.over == Over::RootMeanSquare {
            let square = g.mul(x, x)?;
            (x, g.mean(square, &[last])?)
        } else {
            (g.centred(x, &[last])?, g.variance(x, &[last])?)
        };
        let inverse = over_root(g, square)?;
        let spread = g.broadcast(inverse, g.shape(x).clone(), &[last])?;
        let normal = g.mul(numerator, spread)?;
        let scale = spread_along_last(g, normal, parameters[self.scale])?;
        let scaled = g.mul(normal, scale)?;
        match self.bias {
            Some(bias) => add_along_last(g, scaled, parameters[bias]),
            None => Ok(scaled),
        }
    }

    /// `x a + b` with one `a = scale / sqrt(variance + 1e-6)` and one `b = bias - mean a` for each image and channel: two
    /// operations for each pixel instead of four.
    fn over_groups(
        &self,
        g: &mut Graph,
        parameters: &[NodeId],
        x: NodeId,
        groups: usize,
    ) -> Result<NodeId, GraphError> {
        let shape = g.shape(x).clone();
        let (last, pixels) = (shape.rank() - 1, (1..shape.rank() - 1).collect::<Vec<usize>>());
        let width = shape[last] / groups;
        let grouped = g.reshape(x, Shape::from([&shape[..last], &[groups, width]].concat()))?;
        let axes: Vec<usize> = pixels.iter().copied().chain([last + 1]).collect();
        let of_channels = |g: &mut Graph, of_groups: NodeId| {
            let each = g.broadcast(of_groups, Shape::new(&[shape[0], groups, width]), &[2])?;
            g.reshape(each, shape.without(&pixels))
        };
        let variance = g.variance(grouped, &axes)?;
        let inverse = over_root(g, variance)?;
        let inverse = of_channels(g, inverse)?;
        let scale = spread_along_last(g, inverse, parameters[self.scale])?;
        let a = g.mul(inverse, scale)?;
        let mean = g.mean(grouped, &axes)?;
        let mean = of_channels(g, mean)?;
        let moved = g.mul(mean, a)?;
        let spread = g.broadcast(a, shape.clone(), &pixels)?;
        let scaled = g.mul(x, spread)?;
        let b = g.neg(moved)?;
        let b = match self.bias {
            Some(bias) => add_along_last(g, b, parameters[bias])?,
            None => b,
        };
        let spread = g.broadcast(b, shape, &pixels)?;
        g.add(scaled, spread)
    }
}

/// `1 / sqrt(x + 1e-6)`
fn over_root(g: &mut Graph, x: NodeId) -> Result<NodeId, GraphError> {
    let epsilon = g.filled_like(EPSILON, x)?;
    let shifted = g.add(x, epsilon)?;
    let root = g.sqrt(shifted)?;
    g.reciprocal(root)
}
