use onedge_graph::{Matmul, Shape};

use super::Element;

/// The sizes of a matrix product `[batch, m, k] x [batch, k, n]`, and which operands are stored transposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gemm {
    /// The number of products.
    pub batch: usize,
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// The inner extent.
    pub k: usize,
    /// Which operands are transposed.
    pub transposed: Matmul,
    /// Whether the result is written transposed, `[batch, n, m]`: faster where `m` exceeds `n`.
    pub column_major: bool,
}

impl Gemm {
    /// The product of operands of these shapes.
    pub fn new(a: &Shape, b: &Shape, transposed: Matmul) -> Self {
        let last_two = |shape: &Shape| (shape[shape.rank() - 2], shape[shape.rank() - 1]);
        let flip = |(rows, columns): (usize, usize), flip: bool| if flip { (columns, rows) } else { (rows, columns) };
        let (m, k) = flip(last_two(a), transposed.left);
        let (_, n) = flip(last_two(b), transposed.right);
        Self { batch: a[..a.rank() - 2].iter().product(), m, n, k, transposed, column_major: false }
    }
}

/// `out <- a b`, or `out <- out + a b` if `add`. All matrices are contiguous and row-major, unless `spec` says otherwise.
///
/// # Panics
/// If a slice does not have the size that `spec` says.
pub fn gemm<T: Element>(spec: &Gemm, a: &[T], b: &[T], out: &mut [T], add: bool) {
    let Gemm { batch, m, n, k, transposed, column_major } = *spec;
    assert_eq!((a.len(), b.len(), out.len()), (batch * m * k, batch * k * n, batch * m * n), "operands of {spec:?}");
    let strides = |columns: usize, rows: usize, flip: bool| {
        let (columns, rows) = (columns as isize, rows as isize);
        if flip { (rows, 1) } else { (1, columns) }
    };
    let (a_columns, a_rows) = strides(k, m, transposed.left);
    let (b_columns, b_rows) = strides(n, k, transposed.right);
    let (out_columns, out_rows) = strides(n, m, column_major);
    for i in 0..batch {
        // SAFETY: the assertion above gives each matrix the extent that its sizes and strides reach; `out` is
        // borrowed mutably and so overlaps neither operand.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out.as_mut_ptr().add(i * m * n),
                out_columns,
                out_rows,
                add,
                a.as_ptr().add(i * m * k),
                a_columns,
                a_rows,
                b.as_ptr().add(i * k * n),
                b_columns,
                b_rows,
                T::ONE,
                T::ONE,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_gives_the_same_product() {
        for (m, n, k) in [(5, 3, 4), (70, 9, 6), (64, 16, 1), (3, 70, 5)] {
            let a: Vec<f64> = (0..2 * m * k).map(|i| (i * 7 % 13) as f64 - 5.5).collect();
            let b: Vec<f64> = (0..2 * k * n).map(|i| (i * 5 % 11) as f64 - 4.5).collect();
            for (left, right) in [(false, false), (true, false), (false, true), (true, true)] {
                let entry = |batch: usize, i: usize, j: usize| -> f64 {
                    let (a, b) = (&a[batch * m * k..], &b[batch * k * n..]);
                    let left_at = |l: usize| if left { a[l * m + i] } else { a[i * k + l] };
                    let right_at = |l: usize| if right { b[j * k + l] } else { b[l * n + j] };
                    (0..k).map(|l| left_at(l) * right_at(l)).sum()
                };
                for column_major in [false, true] {
                    let spec = Gemm { batch: 2, m, n, k, transposed: Matmul { left, right }, column_major };
                    let mut out = vec![0.5; 2 * m * n];
                    gemm(&spec, &a, &b, &mut out, true);
                    for batch in 0..2 {
                        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                            let place = if column_major { j * m + i } else { i * n + j };
                            let got = out[batch * m * n + place];
                            assert!((got - 0.5 - entry(batch, i, j)).abs() < 1e-11, "{spec:?} at {i}, {j}");
                        }
                    }
                }
            }
        }
    }
}
