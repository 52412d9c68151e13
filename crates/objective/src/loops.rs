//! The loops of [`vector`](crate::vector), compiled here, once for each precision.
//!
//! The compiler makes generic code anew in every crate that calls it, at the level of optimization of that crate: a program compiled for debugging
//! would have slow sums, however fast the libraries are. The methods here are of known types, so other crates link to them instead.

use crate::Real;

/// Independent partial sums: enough to fill vector registers, fixed so that the order of the sum is.
const ACCUMULATORS: usize = 16;

/// A float whose loops over vectors are code of this crate. Lengths are the caller's affair.
pub trait Loops: Sized {
    /// `a . b` in f64.
    fn dot(a: &[Self], b: &[Self]) -> f64;
    /// `y <- y + alpha x`
    fn axpy(alpha: Self, x: &[Self], y: &mut [Self]);
    /// `out <- x + alpha y`
    fn add_scaled(x: &[Self], alpha: Self, y: &[Self], out: &mut [Self]);
    /// `x <- alpha x`
    fn scale(alpha: Self, x: &mut [Self]);
    /// Whether every element is finite.
    fn all_finite(x: &[Self]) -> bool;
}

macro_rules! compiled_here {
    ($float:ty) => {
        impl Loops for $float {
            fn dot(a: &[Self], b: &[Self]) -> f64 {
                let mut sums = [0.0; ACCUMULATORS];
                let (a_blocks, b_blocks) = (a.chunks_exact(ACCUMULATORS), b.chunks_exact(ACCUMULATORS));
                let tails = a_blocks.remainder().iter().zip(b_blocks.remainder());
                let tail: f64 = tails.map(|(&x, &y)| x.to_f64() * y.to_f64()).sum();
                for (x, y) in a_blocks.zip(b_blocks) {
                    for i in 0..ACCUMULATORS {
                        sums[i] += x[i].to_f64() * y[i].to_f64();
                    }
                }
                sums.iter().sum::<f64>() + tail
            }

            fn axpy(alpha: Self, x: &[Self], y: &mut [Self]) {
                for (y, x) in y.iter_mut().zip(x) {
                    *y += alpha * *x;
                }
            }

            fn add_scaled(x: &[Self], alpha: Self, y: &[Self], out: &mut [Self]) {
                for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
                    *out = *x + alpha * *y;
                }
            }

            fn scale(alpha: Self, x: &mut [Self]) {
                for x in x {
                    *x *= alpha;
                }
            }

            fn all_finite(x: &[Self]) -> bool {
                // Zero times a finite number is zero, and NaN otherwise: one pass without branches.
                let mut sums = [0.0; ACCUMULATORS];
                let blocks = x.chunks_exact(ACCUMULATORS);
                let tail = blocks.remainder().iter().map(|x| 0.0 * x).sum::<Self>();
                for x in blocks {
                    for i in 0..ACCUMULATORS {
                        sums[i] += 0.0 * x[i];
                    }
                }
                sums.iter().sum::<Self>() + tail == 0.0
            }
        }
    };
}

compiled_here!(f32);
compiled_here!(f64);
