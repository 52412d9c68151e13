use std::ops::Range;
use std::panic::Location;

use super::Value;
use super::broadcast::stretched;
use crate::{Error, Graph, NodeId, Shape};

// Products, sums over axes, and elements moved. A mistake is kept for `finish`.
impl Value<'_> {
    /// The matrix product `[.., n, k] [.., k, m]`, for each index of the leading axes, which must agree.
    #[track_caller]
    pub fn matmul(self, other: Self) -> Self {
        self.exact(Location::caller(), "matmul", other, Graph::matmul)
    }

    /// The sum over `axes`, which go.
    #[track_caller]
    pub fn sum(self, axes: &[usize]) -> Self {
        self.over(Location::caller(), "sum", axes, Graph::sum)
    }

    /// The mean over `axes`, which go.
    #[track_caller]
    pub fn mean(self, axes: &[usize]) -> Self {
        self.over(Location::caller(), "mean", axes, Graph::mean)
    }

    /// The sum over `axes`, which stay with extent 1.
    #[track_caller]
    pub fn sum_keepdims(self, axes: &[usize]) -> Self {
        self.over(Location::caller(), "sum_keepdims", axes, |g, x, axes| kept(g, x, axes, Graph::sum))
    }

    /// The mean over `axes`, which stay with extent 1.
    #[track_caller]
    pub fn mean_keepdims(self, axes: &[usize]) -> Self {
        self.over(Location::caller(), "mean_keepdims", axes, |g, x, axes| kept(g, x, axes, Graph::mean))
    }

    /// The sums of the elements up to each along `axis`.
    #[track_caller]
    pub fn cumsum(self, axis: usize) -> Self {
        self.over(Location::caller(), "cumsum", &[axis], |g, x, axes| g.cumsum(x, axes[0]))
    }

    /// The largest along `axis`, which goes; equal ones share the derivative.
    #[track_caller]
    pub fn reduce_max(self, axis: usize) -> Self {
        self.over(Location::caller(), "reduce_max", &[axis], |g, x, axes| g.reduce_max(x, axes[0]))
    }

    /// `ln sum e^x` over the last axis, which goes.
    #[track_caller]
    pub fn logsumexp(self) -> Self {
        self.one(Location::caller(), Graph::logsumexp)
    }

    /// `e^x / sum e^x` over the last axis.
    #[track_caller]
    pub fn softmax(self) -> Self {
        self.one(Location::caller(), Graph::softmax)
    }

    /// The same elements in another shape.
    #[track_caller]
    pub fn reshape(self, shape: &[usize]) -> Self {
        self.one(Location::caller(), |g, x| g.reshape(x, Shape::new(shape)))
    }

    /// The axes in another order: axis i of the result is axis `order[i]`.
    #[track_caller]
    pub fn permute(self, order: &[usize]) -> Self {
        self.one(Location::caller(), |g, x| g.permute(x, order))
    }

    /// Elements `range` along `axis`.
    #[track_caller]
    pub fn slice(self, axis: usize, range: Range<usize>) -> Self {
        self.over(Location::caller(), "slice", &[axis], |g, x, _| {
            g.slice_axis(x, axis, range.start, range.end.saturating_sub(range.start))
        })
    }

    /// Two tensors joined along `axis`; [`Formula::concat`](super::Formula::concat) joins any number.
    #[track_caller]
    pub fn concat(self, other: Self, axis: usize) -> Self {
        self.exact(Location::caller(), "concat", other, |g, a, b| g.concat(a, b, axis))
    }

    /// The rows of this table `[rows, width]` that `indices` name: `[.., width]`.
    #[track_caller]
    pub fn take(self, indices: Self) -> Self {
        self.exact(Location::caller(), "take", indices, Graph::take)
    }

    /// Repeated to `shape`, by NumPy's rules.
    #[track_caller]
    pub fn broadcast_to(self, shape: &[usize]) -> Self {
        self.one(Location::caller(), |g, x| stretched(g, x, &Shape::new(shape)))
    }
}

/// A reduction of `x` over `axes`, which stay with extent 1.
fn kept(
    g: &mut Graph,
    x: NodeId,
    axes: &[usize],
    reduce: fn(&mut Graph, NodeId, &[usize]) -> Result<NodeId, Error>,
) -> Result<NodeId, Error> {
    let extents = g.shape(x).iter().enumerate().map(|(axis, &extent)| if axes.contains(&axis) { 1 } else { extent });
    let shape = Shape::from(extents.collect::<Vec<usize>>());
    let reduced = reduce(g, x, axes)?;
    g.reshape(reduced, shape)
}
