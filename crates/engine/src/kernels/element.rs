use onedge_objective::Real;

use super::vector_math;

/// A float with kernels of its own: f32 by vectorised approximations, f64 by the standard library.
pub trait Element: Real {
    /// e^x, elementwise.
    fn exp(x: &[Self], out: &mut [Self]);
    /// The logarithm, elementwise.
    fn log(x: &[Self], out: &mut [Self]);
    /// The hyperbolic tangent, elementwise.
    fn tanh(x: &[Self], out: &mut [Self]);
    /// The error function, elementwise.
    fn erf(x: &[Self], out: &mut [Self]);
    /// 1 / (1 + e^-x), elementwise.
    fn sigmoid(x: &[Self], out: &mut [Self]);
    /// ln(1 + e^x), elementwise, without overflow.
    fn softplus(x: &[Self], out: &mut [Self]);
    /// ln(1 + x) of one number, accurate for small x.
    fn ln_1p(self) -> Self;
}

impl Element for f32 {
    fn exp(x: &[Self], out: &mut [Self]) {
        vector_math::map(&rten_vecmath::Exp {}, x, out);
    }
    fn log(x: &[Self], out: &mut [Self]) {
        each(x, out, Self::ln);
    }
    fn tanh(x: &[Self], out: &mut [Self]) {
        vector_math::map(&rten_vecmath::Tanh {}, x, out);
    }
    fn erf(x: &[Self], out: &mut [Self]) {
        vector_math::map(&rten_vecmath::Erf {}, x, out);
    }
    fn sigmoid(x: &[Self], out: &mut [Self]) {
        vector_math::map(&rten_vecmath::Sigmoid {}, x, out);
    }
    fn softplus(x: &[Self], out: &mut [Self]) {
        each(x, out, |x| x.max(0.0) + (-x.abs()).exp().ln_1p());
    }
    fn ln_1p(self) -> Self {
        self.ln_1p()
    }
}

impl Element for f64 {
    fn exp(x: &[Self], out: &mut [Self]) {
        each(x, out, Self::exp);
    }
    fn log(x: &[Self], out: &mut [Self]) {
        each(x, out, Self::ln);
    }
    fn tanh(x: &[Self], out: &mut [Self]) {
        each(x, out, Self::tanh);
    }
    fn erf(x: &[Self], out: &mut [Self]) {
        each(x, out, libm::erf);
    }
    fn sigmoid(x: &[Self], out: &mut [Self]) {
        each(x, out, |x| 1.0 / (1.0 + (-x).exp()));
    }
    fn softplus(x: &[Self], out: &mut [Self]) {
        each(x, out, |x| x.max(0.0) + (-x.abs()).exp().ln_1p());
    }
    fn ln_1p(self) -> Self {
        self.ln_1p()
    }
}

fn each<T: Copy>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = f(*x);
    }
}
