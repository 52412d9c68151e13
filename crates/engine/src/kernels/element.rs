use onedge_objective::Real;

use super::{map, map_mut, vector_math};

/// A float with kernels of its own: f32 by vectorised approximations, f64 by the standard library.
pub trait Element: Real {
    /// e^x, elementwise.
    fn exp(x: &[Self], out: &mut [Self]);
    /// The logarithm, elementwise.
    fn log(x: &[Self], out: &mut [Self]);
    /// The hyperbolic tangent, elementwise.
    fn tanh(x: &[Self], out: &mut [Self]);
    /// The distribution function of the standard normal distribution, elementwise.
    fn normal_cdf(x: &[Self], out: &mut [Self]);
    /// The density of the standard normal distribution, elementwise.
    fn normal_pdf(x: &[Self], out: &mut [Self]);
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
    fn normal_cdf(x: &[Self], out: &mut [Self]) {
        map(x, out, |x| x * std::f32::consts::FRAC_1_SQRT_2);
        vector_math::map_mut(&rten_vecmath::Erf {}, out);
        map_mut(out, |y| 0.5 * y + 0.5);
    }
    fn normal_pdf(x: &[Self], out: &mut [Self]) {
        map(x, out, |x| -0.5 * x * x);
        vector_math::map_mut(&rten_vecmath::Exp {}, out);
        map_mut(out, |y| 0.398_942_3 * y);
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
    fn normal_cdf(x: &[Self], out: &mut [Self]) {
        each(x, out, |x| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2));
    }
    fn normal_pdf(x: &[Self], out: &mut [Self]) {
        each(x, out, |x| 0.398_942_280_401_432_7 * (-0.5 * x * x).exp());
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
