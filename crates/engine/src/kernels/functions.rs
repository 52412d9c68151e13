//! Functions of one number, each in either precision: f32 by the vectorised approximations of `rten-vecmath` where they
//! are good to rounding, f64 by the standard library.

use std::f64::consts::FRAC_1_SQRT_2;

use super::dispatch::{each, map, map_mut, vectorised};
use super::{Element, logarithms, vector_math};

/// e^x
pub fn exp<T: Element>(x: &[T], out: &mut [T]) {
    let single = |x: &[f32], out: &mut [f32]| vector_math::map(&rten_vecmath::Exp {}, x, out);
    T::by_precision(x, out, single, |x, out| each(x, out, f64::exp));
}

/// e^x - 1, accurate for small x.
pub fn expm1<T: Element>(x: &[T], out: &mut [T]) {
    let single = |x: &[f32], out: &mut [f32]| {
        vector_math::map(&rten_vecmath::Exp {}, x, out);
        vectorised(
            #[inline(always)]
            || each_mut(x, out, logarithms::exp_m1),
        );
    };
    T::by_precision(x, out, single, |x, out| each(x, out, f64::exp_m1));
}

/// The logarithm.
pub fn log<T: Element>(x: &[T], out: &mut [T]) {
    T::by_precision(x, out, |x, out| map(x, out, logarithms::ln), |x, out| each(x, out, f64::ln));
}

/// ln(1 + x), accurate for small x.
pub fn log1p<T: Element>(x: &[T], out: &mut [T]) {
    T::by_precision(x, out, |x, out| map(x, out, logarithms::ln_1p), |x, out| each(x, out, f64::ln_1p));
}

/// The hyperbolic tangent.
pub fn tanh<T: Element>(x: &[T], out: &mut [T]) {
    let single = |x: &[f32], out: &mut [f32]| vector_math::map(&rten_vecmath::Tanh {}, x, out);
    T::by_precision(x, out, single, |x, out| each(x, out, f64::tanh));
}

/// x^p
pub fn power<T: Element>(p: T, x: &[T], out: &mut [T]) {
    let (single, double) = (p.to_f64() as f32, p.to_f64());
    T::each(x, out, |x| x.powf(single), |x| x.powf(double));
}

/// 1 for a positive number, -1 for a negative one, 0 for zero.
pub fn sign<T: Element>(x: &[T], out: &mut [T]) {
    T::each(x, out, |x| if x == 0.0 { 0.0 } else { x.signum() }, |x| if x == 0.0 { 0.0 } else { x.signum() });
}

/// The distribution function of the standard normal distribution.
pub fn normal_cdf<T: Element>(x: &[T], out: &mut [T]) {
    let single = |x: &[f32], out: &mut [f32]| {
        map(x, out, |x| x * std::f32::consts::FRAC_1_SQRT_2);
        vector_math::map_mut(&rten_vecmath::Erf {}, out);
        map_mut(out, |y| 0.5 * y + 0.5);
    };
    T::by_precision(x, out, single, |x, out| each(x, out, |x| 0.5 * libm::erfc(-x * FRAC_1_SQRT_2)));
}

/// The density of the standard normal distribution.
pub fn normal_pdf<T: Element>(x: &[T], out: &mut [T]) {
    let single = |x: &[f32], out: &mut [f32]| {
        map(x, out, |x| -0.5 * x * x);
        vector_math::map_mut(&rten_vecmath::Exp {}, out);
        map_mut(out, |y| 0.398_942_3 * y);
    };
    T::by_precision(x, out, single, |x, out| each(x, out, |x| 0.398_942_280_401_432_7 * (-0.5 * x * x).exp()));
}

/// 1 / (1 + e^-x)
pub fn sigmoid<T: Element>(x: &[T], out: &mut [T]) {
    let single = |x: &[f32], out: &mut [f32]| vector_math::map(&rten_vecmath::Sigmoid {}, x, out);
    T::by_precision(x, out, single, |x, out| each(x, out, |x| 1.0 / (1.0 + (-x).exp())));
}

/// ln(1 + e^x), without overflow.
pub fn softplus<T: Element>(x: &[T], out: &mut [T]) {
    let single = |x: &[f32], out: &mut [f32]| {
        map(x, out, |x| -x.abs());
        vector_math::map_mut(&rten_vecmath::Exp {}, out);
        vectorised(
            #[inline(always)]
            || each_mut(x, out, |x, exp| larger(x, 0.0) + logarithms::ln_1p(exp)),
        );
    };
    T::by_precision(x, out, single, |x, out| each(x, out, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()));
}

/// `out <- f(x, out)`, elementwise, for a caller that is compiled for the vectors of this machine.
#[inline(always)]
fn each_mut(x: &[f32], out: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out = f(*x, *out));
}

/// The larger of two numbers; NaN if either is. The maximum of the standard library drops a NaN.
#[inline(always)]
pub fn larger<T: Element>(a: T, b: T) -> T {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller of two numbers; NaN if either is.
#[inline(always)]
pub fn smaller<T: Element>(a: T, b: T) -> T {
    if a < b || a.is_nan() { a } else { b }
}
