//! Arithmetic on flat vectors. Sums are taken in f64 over a fixed number of accumulators, so results do not depend
//! on the machine's vector width.

use crate::Real;

/// `a . b` in f64.
///
/// # Panics
/// If the lengths differ; so do all functions here.
pub fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len(), "dot: lengths differ");
    T::dot(a, b)
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
    T::axpy(T::from_f64(alpha), x, y);
}

/// `out <- x + alpha y`
pub fn add_scaled<T: Real>(x: &[T], alpha: f64, y: &[T], out: &mut [T]) {
    assert!(x.len() == y.len() && x.len() == out.len(), "add_scaled: lengths differ");
    T::add_scaled(x, T::from_f64(alpha), y, out);
}

/// `x <- alpha x`
pub fn scale<T: Real>(alpha: f64, x: &mut [T]) {
    T::scale(T::from_f64(alpha), x);
}

/// Whether every element is finite.
pub fn all_finite<T: Real>(x: &[T]) -> bool {
    T::all_finite(x)
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
