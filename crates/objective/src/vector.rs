//! Arithmetic on flat vectors. Sums are taken in f64 over a fixed number of accumulators, so results do not depend
//! on the machine's vector width.

use crate::Real;

/// Independent partial sums: enough to fill vector registers, fixed so that the order of the sum is.
const ACCUMULATORS: usize = 16;

/// `a . b` in f64.
///
/// # Panics
/// If the lengths differ; so do all functions here.
pub fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len(), "dot: lengths differ");
    let mut sums = [0.0; ACCUMULATORS];
    let (a_blocks, b_blocks) = (a.chunks_exact(ACCUMULATORS), b.chunks_exact(ACCUMULATORS));
    let tail: f64 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(x, y)| x.to_f64() * y.to_f64()).sum();
    for (x, y) in a_blocks.zip(b_blocks) {
        for i in 0..ACCUMULATORS {
            sums[i] += x[i].to_f64() * y[i].to_f64();
        }
    }
    sums.iter().sum::<f64>() + tail
}

/// `|a|`, the Euclidean norm.
pub fn norm<T: Real>(a: &[T]) -> f64 {
    dot(a, a).sqrt()
}

/// `a . b / (|a| |b|)`, or 0 if either vector is zero.
pub fn cosine<T: Real>(a: &[T], b: &[T]) -> f64 {
    let scale = norm(a) * norm(b);
    if scale == 0.0 { 0.0 } else { dot(a, b) / scale }
}

/// `y <- y + alpha x`
pub fn axpy<T: Real>(alpha: f64, x: &[T], y: &mut [T]) {
    assert_eq!(x.len(), y.len(), "axpy: lengths differ");
    let alpha = T::from_f64(alpha);
    for (y, x) in y.iter_mut().zip(x) {
        *y += alpha * *x;
    }
}

/// `out <- x + alpha y`
pub fn add_scaled<T: Real>(x: &[T], alpha: f64, y: &[T], out: &mut [T]) {
    assert!(x.len() == y.len() && x.len() == out.len(), "add_scaled: lengths differ");
    let alpha = T::from_f64(alpha);
    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
        *out = *x + alpha * *y;
    }
}

/// `x <- alpha x`
pub fn scale<T: Real>(alpha: f64, x: &mut [T]) {
    let alpha = T::from_f64(alpha);
    for x in x {
        *x *= alpha;
    }
}

/// Whether every element is finite.
pub fn all_finite<T: Real>(x: &[T]) -> bool {
    // Zero times a finite number is zero, and NaN otherwise: one pass without branches.
    x.iter().map(|&x| x * T::ZERO).fold(T::ZERO, |sum, x| sum + x) == T::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(n: usize) -> Vec<f32> {
        (0..n).map(|i| 0.3 * i as f32 - 1.7).collect()
    }

    #[test]
    fn dot_agrees_with_the_plain_sum() {
        for n in [0, 1, 15, 16, 37] {
            let (a, b) = (ramp(n), ramp(n).into_iter().map(|x| x * x).collect::<Vec<_>>());
            let plain: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            assert!((dot(&a, &b) - plain).abs() <= 1e-12 * plain.abs().max(1.0));
        }
    }

    #[test]
    fn cosine_of_zero_is_zero() {
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 2.0]), 0.0);
        assert!((cosine(&[1.0, 1.0], &[-2.0, -2.0]) + 1.0).abs() < 1e-15);
    }

    #[test]
    fn finds_what_is_not_finite() {
        assert!(all_finite(&ramp(40)));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = ramp(40);
            x[23] = bad;
            assert!(!all_finite(&x));
        }
    }

    #[test]
    fn axpy_and_add_scaled_agree() {
        let (x, y) = (ramp(19), ramp(19));
        let mut sum = y.clone();
        axpy(0.5, &x, &mut sum);
        let mut out = vec![0.0; 19];
        add_scaled(&y, 0.5, &x, &mut out);
        assert_eq!(sum, out);
        scale(2.0, &mut out);
        assert_eq!(out[3], 2.0 * sum[3]);
    }
}
