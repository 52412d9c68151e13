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
}

impl Gemm {
    /// The product of operands of these shapes.
    pub fn new(a: &Shape, b: &Shape, transposed: Matmul) -> Self {
        let last_two = |shape: &Shape| (shape[shape.rank() - 2], shape[shape.rank() - 1]);
        let flip = |(rows, columns): (usize, usize), flip: bool| if flip { (columns, rows) } else { (rows, columns) };
        let (m, k) = flip(last_two(a), transposed.left);
        let (_, n) = flip(last_two(b), transposed.right);
        Self { batch: a[..a.rank() - 2].iter().product(), m, n, k, transposed }
    }
}

/// `out <- a b`, or `out <- out + a b` if `add`. All matrices are contiguous and row-major.
///
/// # Panics
/// If a slice does not have the size that `spec` says.
pub fn gemm<T: Element>(spec: &Gemm, a: &[T], b: &[T], out: &mut [T], add: bool) {
    let Gemm { batch, m, n, k, transposed } = *spec;
    assert_eq!((a.len(), b.len(), out.len()), (batch * m * k, batch * k * n, batch * m * n), "operands of {spec:?}");
    let strides = |columns: usize, rows: usize, flip: bool| {
        let (columns, rows) = (columns as isize, rows as isize);
        if flip { (rows, 1) } else { (1, columns) }
    };
    let (a_columns, a_rows) = strides(k, m, transposed.left);
    let (b_columns, b_rows) = strides(n, k, transposed.right);
    for i in 0..batch {
        // SAFETY: the assertion above gives each matrix the extent that its sizes and strides reach; `out` is
        // borrowed mutably and so overlaps neither operand.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out.as_mut_ptr().add(i * m * n),
                1,
                n as isize,
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
