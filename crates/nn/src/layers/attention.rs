use onedge_graph::{Error as GraphError, Graph, Matmul, NodeId, Shape};

use super::{Bias, Dense};
use crate::inits::Scheme;
use crate::{Error, Parameters};

/// What a position must not look at is given this score: its weight is zero in every precision.
const HIDDEN: f64 = -1e30;

/// What each position of a sequence looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Every position.
    Full,
    /// Itself and those before it.
    Causal,
}

/// Multi-head self-attention: per head `softmax(q k^T / sqrt(d)) v`, heads side by side, then a dense layer.
///
/// Shapes: `x: [n, positions, width]`, result the same. Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.2.
#[derive(Debug, Clone)]
pub struct Attention {
    query: Dense,
    key: Dense,
    value: Dense,
    out: Dense,
    heads: usize,
    sight: Sight,
}

impl Attention {
    /// Adds `<name>.query`, `.key`, `.value` (each `[width, inner]`, all heads side by side) and `.out`.
    ///
    /// # Errors
    /// [`Error::Heads`] if the heads do not divide the inner width, [`Error::TooManyParameters`].
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        [width, inner]: [usize; 2],
        heads: usize,
        sight: Sight,
        init: Scheme,
    ) -> Result<Self, Error> {
        if heads == 0 || inner == 0 || !inner.is_multiple_of(heads) {
            return Err(Error::Heads { name: name.to_owned(), heads, width: inner });
        }
        let mut dense = |part: &str, inputs: usize, outputs: usize| {
            Dense::new(parameters, &format!("{name}.{part}"), [inputs, outputs], init(inputs, outputs), Bias::Zeros)
        };
        let (query, key) = (dense("query", width, inner)?, dense("key", width, inner)?);
        let (value, out) = (dense("value", width, inner)?, dense("out", inner, width)?);
        Ok(Self { query, key, value, out, heads, sight })
    }

    /// The outputs for `x`, with the nodes of all parameters of the model.
    ///
    /// # Errors
    /// [`GraphError::Shape`] if `x` or a parameter has another shape.
    pub fn apply(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, GraphError> {
        let [q, k, v] = [&self.query, &self.key, &self.value].map(|dense| dense.apply(g, parameters, x));
        let [q, k, v] = [self.split(g, q?)?, self.split(g, k?)?, self.split(g, v?)?];
        let depth = g.shape(q)[3] as f64;
        let products = g.matmul_with(q, k, Matmul { left: false, right: true })?;
        let mut scores = g.scale(products, 1.0 / depth.sqrt())?;
        if self.sight == Sight::Causal {
            let shape = g.shape(scores).clone();
            let square = Shape::new(&shape[2..]);
            let (from, to) = (g.iota(square.clone(), 0)?, g.iota(square, 1)?);
            let ahead = g.greater(to, from)?;
            let ahead = g.broadcast(ahead, shape, &[0, 1])?;
            let hidden = g.filled_like(HIDDEN, scores)?;
            scores = g.select(ahead, hidden, scores)?;
        }
        let weights = g.softmax(scores)?;
        let mixed = g.matmul(weights, v)?;
        let turned = g.permute(mixed, &[0, 2, 1, 3])?;
        let (n, positions) = (g.shape(turned)[0], g.shape(turned)[1]);
        let inner = g.shape(turned)[2] * g.shape(turned)[3];
        let joined = g.reshape(turned, Shape::new(&[n, positions, inner]))?;
        self.out.apply(g, parameters, joined)
    }

    /// `[n, positions, inner]` as `[n, heads, positions, inner / heads]`.
    fn split(&self, g: &mut Graph, x: NodeId) -> Result<NodeId, GraphError> {
        let shape = g.shape(x).clone();
        let heads = g.reshape(x, Shape::new(&[shape[0], shape[1], self.heads, shape[2] / self.heads]))?;
        g.permute(heads, &[0, 2, 1, 3])
    }
}
