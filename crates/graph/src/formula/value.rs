use std::ops::Range;
use std::panic::Location;

use super::broadcast::{common, stretched};
use super::{Formula, Value};
use crate::{Error, Graph, NodeId, Shape};

// Each method gives a value of the shape that its formula says; a mistake is kept for `finish`.
impl<'g> Value<'g> {
    /// Its shape; that of a scalar after a mistake.
    pub fn shape(self) -> Shape {
        self.id.map_or_else(|| Shape::new(&[]), |id| self.formula.graph.borrow().shape(id).clone())
    }

    /// Its node; `None` after a mistake.
    pub fn id(self) -> Option<NodeId> {
        self.id
    }

    /// The formula that it is a value of.
    pub fn formula(self) -> &'g Formula {
        self.formula
    }

    /// Hyperbolic tangent.
    #[track_caller]
    pub fn tanh(self) -> Self {
        self.one(Location::caller(), Graph::tanh)
    }

    /// `e^x`
    #[track_caller]
    pub fn exp(self) -> Self {
        self.one(Location::caller(), Graph::exp)
    }

    /// Natural logarithm.
    #[track_caller]
    pub fn log(self) -> Self {
        self.one(Location::caller(), Graph::log)
    }

    /// Square root.
    #[track_caller]
    pub fn sqrt(self) -> Self {
        self.one(Location::caller(), Graph::sqrt)
    }

    /// `1 / (1 + e^-x)`
    #[track_caller]
    pub fn sigmoid(self) -> Self {
        self.one(Location::caller(), Graph::sigmoid)
    }

    /// `ln(1 + e^x)`
    #[track_caller]
    pub fn softplus(self) -> Self {
        self.one(Location::caller(), Graph::softplus)
    }

    /// `max(x, 0)`; the derivative at 0 is 0.
    #[track_caller]
    pub fn relu(self) -> Self {
        self.one(Location::caller(), Graph::relu)
    }

    /// `|x|`; the derivative at 0 is 0.
    #[track_caller]
    pub fn abs(self) -> Self {
        self.one(Location::caller(), |g, x| {
            let minus = g.neg(x)?;
            let (above, below) = (g.relu(x)?, g.relu(minus)?);
            g.add(above, below)
        })
    }

    /// `x^2`
    #[track_caller]
    pub fn square(self) -> Self {
        self.one(Location::caller(), |g, x| g.mul(x, x))
    }

    /// `x^exponent`. A whole exponent is taken by products, at any x; others as `e^(exponent ln x)`, which is for positive x
    /// alone: a negative x gives NaN, and at 0 the derivative is NaN.
    #[track_caller]
    pub fn pow(self, exponent: f64) -> Self {
        self.one(Location::caller(), |g, x| power(g, x, exponent))
    }

    /// `x` cut to `low ..= high`. Outside, and at either bound, the derivative is 0.
    #[track_caller]
    pub fn clamp(self, low: f64, high: f64) -> Self {
        self.one(Location::caller(), |g, x| {
            if low.is_nan() || high.is_nan() || low > high {
                let (expected, got) = ("bounds in order".to_owned(), format!("{low} and {high}"));
                return Err(Error::Argument { op: "clamp", expected, got });
            }
            let (low, high) = (g.filled_like(low, x)?, g.filled_like(high, x)?);
            let cut = g.maximum(x, low)?;
            g.minimum(cut, high)
        })
    }

    /// The larger of two, element by element; where they are equal the derivative is that of `other`.
    #[track_caller]
    pub fn maximum(self, other: Self) -> Self {
        self.two(Location::caller(), "maximum", other, Graph::maximum)
    }

    /// The smaller of two, element by element; where they are equal the derivative is that of `other`.
    #[track_caller]
    pub fn minimum(self, other: Self) -> Self {
        self.two(Location::caller(), "minimum", other, Graph::minimum)
    }

    /// The matrix product `[.., n, k] [.., k, m]`, for each index of the leading axes, which must agree.
    #[track_caller]
    pub fn matmul(self, other: Self) -> Self {
        let location = Location::caller();
        match self.joined(location, "matmul", other) {
            Some((a, b)) => self.formula.make(location, |g| g.matmul(a, b)),
            None => self.nothing(),
        }
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

    /// Two tensors joined along `axis`.
    #[track_caller]
    pub fn concat(self, other: Self, axis: usize) -> Self {
        let location = Location::caller();
        match self.joined(location, "concat", other) {
            Some((a, b)) => self.formula.make(location, |g| g.concat(a, b, axis)),
            None => self.nothing(),
        }
    }

    /// Repeated to `shape`, by NumPy's rules.
    #[track_caller]
    pub fn broadcast_to(self, shape: &[usize]) -> Self {
        self.one(Location::caller(), |g, x| stretched(g, x, &Shape::new(shape)))
    }

    fn nothing(self) -> Self {
        Self { id: None, ..self }
    }

    pub(super) fn one(
        self,
        location: &'static Location<'static>,
        build: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId, Error>,
    ) -> Self {
        self.id.map_or(self.nothing(), |id| self.formula.make(location, |g| build(g, id)))
    }

    /// Of axes that must be there, each once.
    fn over(
        self,
        location: &'static Location<'static>,
        op: &'static str,
        axes: &[usize],
        build: impl FnOnce(&mut Graph, NodeId, &[usize]) -> Result<NodeId, Error>,
    ) -> Self {
        self.one(location, |g, x| {
            let (shape, mut axes) = (g.shape(x).clone(), axes.to_vec());
            axes.sort_unstable();
            let twice = axes.windows(2).any(|pair| pair[0] == pair[1]);
            if twice || axes.last().is_some_and(|&axis| axis >= shape.rank()) {
                let expected = format!("different axes of shape {shape}");
                return Err(Error::Argument { op, expected, got: format!("{axes:?}") });
            }
            build(g, x, &axes)
        })
    }

    pub(super) fn two(
        self,
        location: &'static Location<'static>,
        op: &'static str,
        other: Self,
        build: impl FnOnce(&mut Graph, NodeId, NodeId) -> Result<NodeId, Error>,
    ) -> Self {
        let Some((a, b)) = self.joined(location, op, other) else { return self.nothing() };
        self.formula.make(location, |g| {
            let (left, right) = (g.shape(a).clone(), g.shape(b).clone());
            let Some(shape) = common(&left, &right) else {
                let expected = "shapes that broadcast".to_owned();
                return Err(Error::Shape { op, expected, got: vec![left, right] });
            };
            let (a, b) = (stretched(g, a, &shape)?, stretched(g, b, &shape)?);
            build(g, a, b)
        })
    }

    /// The nodes of two values of one formula.
    fn joined(self, location: &'static Location<'static>, op: &'static str, other: Self) -> Option<(NodeId, NodeId)> {
        if !std::ptr::eq(self.formula, other.formula) {
            if self.formula.fault.borrow().is_none() {
                self.formula.keep(location, Error::OtherGraph { op });
            }
            return None;
        }
        self.id.zip(other.id)
    }
}

/// `x^exponent`
fn power(g: &mut Graph, x: NodeId, exponent: f64) -> Result<NodeId, Error> {
    const LARGEST: f64 = 64.0;
    if exponent.fract() != 0.0 || exponent.abs() > LARGEST {
        let logarithm = g.log(x)?;
        let scaled = g.scale(logarithm, exponent)?;
        return g.exp(scaled);
    }
    let mut result = g.filled_like(1.0, x)?;
    for _ in 0..exponent.abs() as usize {
        result = g.mul(result, x)?;
    }
    if exponent < 0.0 { g.reciprocal(result) } else { Ok(result) }
}
