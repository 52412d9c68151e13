use super::Element;
use super::dispatch::each;

/// A function of one number so short that its loop is compiled into the fused step; all others are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unary {
    /// `-x`
    Neg,
    /// `1 / x`
    Reciprocal,
    /// The square root.
    Sqrt,
    /// `x` where it is positive, else 0; NaN stays.
    Relu,
    /// 1 where `x` is positive, else 0.
    Step,
}

impl Unary {
    /// `out <- f(x)`; both slices have one length.
    #[inline(always)]
    pub fn apply<T: Element>(self, x: &[T], out: &mut [T]) {
        match self {
            Self::Neg => each(x, out, |x| -x),
            Self::Reciprocal => each(x, out, |x| T::ONE / x),
            Self::Sqrt => each(x, out, T::sqrt),
            Self::Relu => each(x, out, |x| if x < T::ZERO { T::ZERO } else { x }),
            Self::Step => each(x, out, |x| if x > T::ZERO { T::ONE } else { T::ZERO }),
        }
    }
}
