use onedge_graph::Matmul;

use crate::Element;
use crate::kernels::{Gemm, gemm};

/// `out <- a b` for square matrices of `n` rows, row-major, rows shared among `threads`: the work by which a machine's
/// peak is measured.
///
/// # Panics
/// If a slice is not of length `n * n`, or `threads` is 0.
pub fn square_product<T: Element>(threads: usize, n: usize, a: &[T], b: &[T], out: &mut [T]) {
    let rows = n.div_ceil(threads);
    std::thread::scope(|scope| {
        for (a, out) in a.chunks(rows * n).zip(out.chunks_mut(rows * n)) {
            let transposed = Matmul { left: false, right: false };
            let spec = Gemm { batch: 1, m: a.len() / n, n, k: n, transposed, column_major: false };
            scope.spawn(move || gemm(&spec, a, b, out, false));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_product_for_any_threads() {
        let n = 5;
        let a: Vec<f64> = (0..n * n).map(|i| (i * 7 % 11) as f64 - 4.3).collect();
        let entry = |i: usize| -> f64 { (0..n).map(|k| a[i / n * n + k] * a[k * n + i % n]).sum() };
        for threads in [1, 2, 3] {
            let mut out = vec![0.0; n * n];
            square_product(threads, n, &a, &a, &mut out);
            assert!((0..n * n).all(|i| (out[i] - entry(i)).abs() < 1e-12));
        }
    }
}
