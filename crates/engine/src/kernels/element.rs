use onedge_objective::Real;
use pulp::Simd;

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

    /// A vector of the instruction set `S`.
    type Vector<S: Simd>: Copy;
    /// The number of elements of a vector.
    #[inline(always)]
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }
    /// A vector of one number.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// `a + b`
    fn add_vectors<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a b + c`, rounded once.
    fn mul_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// The vector at `from`, aligned or not.
    ///
    /// # Safety
    /// As many elements as a vector has can be read there.
    #[inline(always)]
    unsafe fn load<S: Simd>(_: S, from: *const Self) -> Self::Vector<S> {
        // SAFETY: the caller's promise; a vector is plain numbers.
        unsafe { from.cast::<Self::Vector<S>>().read_unaligned() }
    }
    /// Writes a vector to `to`, aligned or not.
    ///
    /// # Safety
    /// As many elements as a vector has can be written there.
    #[inline(always)]
    unsafe fn store<S: Simd>(_: S, to: *mut Self, vector: Self::Vector<S>) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<Self::Vector<S>>().write_unaligned(vector) }
    }
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

    type Vector<S: Simd> = S::f32s;
    #[inline(always)]
    fn splat<S: Simd>(simd: S, x: Self) -> S::f32s {
        simd.splat_f32s(x)
    }
    #[inline(always)]
    fn add_vectors<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.add_f32s(a, b)
    }
    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        simd.mul_add_f32s(a, b, c)
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

    type Vector<S: Simd> = S::f64s;
    #[inline(always)]
    fn splat<S: Simd>(simd: S, x: Self) -> S::f64s {
        simd.splat_f64s(x)
    }
    #[inline(always)]
    fn add_vectors<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.add_f64s(a, b)
    }
    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_f64s(a, b, c)
    }
}

fn each<T: Copy>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = f(*x);
    }
}
