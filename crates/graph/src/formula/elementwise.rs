use std::panic::Location;

use super::Value;
use crate::{Error, Graph, NodeId};

// Functions element by element. A mistake is kept for `finish`.
impl Value<'_> {
    /// Hyperbolic tangent.
    #[track_caller]
    pub fn tanh(self) -> Self {
        self.one(Location::caller(), Graph::tanh)
    }

    /// Sine, of an angle in radians.
    #[track_caller]
    pub fn sin(self) -> Self {
        self.one(Location::caller(), Graph::sin)
    }

    /// Cosine, of an angle in radians.
    #[track_caller]
    pub fn cos(self) -> Self {
        self.one(Location::caller(), Graph::cos)
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
        self.one(Location::caller(), Graph::abs)
    }

    /// -1, 0 or 1, as `x` is below, at or above 0; its derivative is 0.
    #[track_caller]
    pub fn sign(self) -> Self {
        self.one(Location::caller(), Graph::sign)
    }

    /// The largest whole number that is not above `x`; its derivative is 0.
    #[track_caller]
    pub fn floor(self) -> Self {
        self.one(Location::caller(), Graph::floor)
    }

    /// The nearest whole number, of two the even one; its derivative is 0.
    #[track_caller]
    pub fn round(self) -> Self {
        self.one(Location::caller(), Graph::round)
    }

    /// The same values, held fixed: no derivative flows through them.
    #[track_caller]
    pub fn detach(self) -> Self {
        self.one(Location::caller(), Graph::detach)
    }

    /// `ln(1 + x)`, exact also where `x` is small.
    #[track_caller]
    pub fn log1p(self) -> Self {
        self.one(Location::caller(), Graph::log1p)
    }

    /// `e^x - 1`, exact also where `x` is small.
    #[track_caller]
    pub fn expm1(self) -> Self {
        self.one(Location::caller(), Graph::expm1)
    }

    /// `x^2`
    #[track_caller]
    pub fn square(self) -> Self {
        self.one(Location::caller(), |g, x| g.mul(x, x))
    }

    /// `x^exponent`. A whole exponent is taken by products up to 64. A negative x gives NaN unless the exponent is whole; at 0 the
    /// derivative is infinite for an exponent below 1.
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
                return Err(Error::Argument { op: "clamp", expected, got, hint: "the lower one first" });
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

    /// 1 where this value is greater than `other`, else 0; its derivative is 0.
    #[track_caller]
    pub fn greater(self, other: Self) -> Self {
        self.two(Location::caller(), "greater", other, Graph::greater)
    }

    /// 1 where this value equals `other`, else 0; its derivative is 0.
    #[track_caller]
    pub fn equal(self, other: Self) -> Self {
        self.two(Location::caller(), "equal", other, Graph::equal)
    }

    /// `a` where this value is not 0, else `b`, all three broadcast. No derivative flows through this value.
    #[track_caller]
    pub fn select(self, a: Self, b: Self) -> Self {
        self.all(Location::caller(), "select", [a, b], |g, mask, [a, b]| g.select(mask, a, b))
    }
}

/// `x^exponent`
fn power(g: &mut Graph, x: NodeId, exponent: f64) -> Result<NodeId, Error> {
    const LARGEST: f64 = 64.0;
    if exponent.fract() != 0.0 || exponent.abs() > LARGEST {
        return g.power(x, exponent);
    }
    let mut result = g.filled_like(1.0, x)?;
    for _ in 0..exponent.abs() as usize {
        result = g.mul(result, x)?;
    }
    if exponent < 0.0 { g.reciprocal(result) } else { Ok(result) }
}
