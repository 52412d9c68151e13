use super::Element;

/// A function of one number, elementwise.
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
    /// e^x
    Exp,
    /// The logarithm.
    Log,
    /// The hyperbolic tangent.
    Tanh,
    /// The distribution function of the standard normal distribution.
    NormalCdf,
    /// The density of the standard normal distribution.
    NormalPdf,
    /// 1 / (1 + e^-x)
    Sigmoid,
    /// ln(1 + e^x)
    Softplus,
}

impl Unary {
    /// The unary elementwise op of this name.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "neg" => Self::Neg,
            "reciprocal" => Self::Reciprocal,
            "sqrt" => Self::Sqrt,
            "relu" => Self::Relu,
            "step" => Self::Step,
            "exp" => Self::Exp,
            "log" => Self::Log,
            "tanh" => Self::Tanh,
            "normal_cdf" => Self::NormalCdf,
            "normal_pdf" => Self::NormalPdf,
            "sigmoid" => Self::Sigmoid,
            "softplus" => Self::Softplus,
            _ => return None,
        })
    }

    /// `out <- f(x)`; both slices have one length.
    #[inline(always)]
    pub fn apply<T: Element>(self, x: &[T], out: &mut [T]) {
        match self {
            Self::Neg => map(x, out, |x| -x),
            Self::Reciprocal => map(x, out, |x| T::ONE / x),
            Self::Sqrt => map(x, out, T::sqrt),
            Self::Relu => map(x, out, |x| if x < T::ZERO { T::ZERO } else { x }),
            Self::Step => map(x, out, |x| if x > T::ZERO { T::ONE } else { T::ZERO }),
            Self::Exp => T::exp(x, out),
            Self::Log => T::log(x, out),
            Self::Tanh => T::tanh(x, out),
            Self::NormalCdf => T::normal_cdf(x, out),
            Self::NormalPdf => T::normal_pdf(x, out),
            Self::Sigmoid => T::sigmoid(x, out),
            Self::Softplus => T::softplus(x, out),
        }
    }
}

/// `out <- c x`
#[inline(always)]
pub fn scale<T: Element>(c: T, x: &[T], out: &mut [T]) {
    map(x, out, |x| c * x);
}

#[inline(always)]
fn map<T: Element>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = f(*x);
    }
}
