use std::ops::Range;
use std::sync::Arc;

use gemm_common::Parallelism;

use onedge_graph::{Matmul, Shape};

use super::pieces::{self, Piece, Pieces, parts};
use super::turn::turn;
use super::{Element, Product, Sharing, Slice, Whole};

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

    /// How far apart the stored rows of each matrix lie.
    fn strides(&self) -> [usize; 3] {
        let Self { m, n, k, transposed, column_major, .. } = *self;
        let columns = |rows: usize, columns: usize, flip: bool| if flip { rows } else { columns };
        [columns(m, k, transposed.left), columns(k, n, transposed.right), columns(m, n, column_major)]
    }

    /// Elements of the right operand if it is turned before the product, else 0.
    ///
    /// The library packs a transposed operand line by line, vectors at a time. Where its rows lie some KiB apart, the lines drive one another out of the
    /// cache; a copy in blocks does not mind.
    fn turned_len<T>(&self) -> usize {
        let Self { m, n, k, transposed, column_major, .. } = *self;
        let apart = k * size_of::<T>();
        let slow = apart.is_multiple_of(2048) || (apart.is_multiple_of(1024) && m <= 64);
        if transposed.right && !column_major && slow && m > 1 && n > 1 { n * k } else { 0 }
    }

    /// One product of matrices that are all row-major.
    pub fn plain(m: usize, n: usize, k: usize) -> Self {
        Self { batch: 1, m, n, k, transposed: Matmul { left: false, right: false }, column_major: false }
    }

    /// The same with the left operand stored transposed.
    pub fn left(mut self) -> Self {
        self.transposed.left = true;
        self
    }

    /// The same with the right operand stored transposed.
    pub fn right(mut self) -> Self {
        self.transposed.right = true;
        self
    }
}

impl<T: Element> Product<T> for Gemm {
    fn run(&self, [a, b]: [&[T]; 2], out: &mut [T], add: bool, scratch: &mut [T]) {
        Strided { spec: *self, strides: self.strides() }.run([a, b], out, add, scratch);
    }

    fn pieces(&self, threads: usize) -> Pieces<T> {
        let Self { batch, m, n, k, transposed, column_major } = *self;
        let work = Product::<T>::flops(self);
        let piece = |kernel: Strided, a: Range<usize>, b: Range<usize>| Piece {
            len: kernel.spec.batch * kernel.spec.m * kernel.spec.n,
            kernel: Box::new(kernel),
            operands: [a, b],
        };
        if batch > 1 {
            let some = |Range { start, end }: Range<usize>| {
                let kernel = Strided { spec: Self { batch: end - start, ..*self }, strides: self.strides() };
                piece(kernel, start * m * k..end * m * k, start * k * n..end * k * n)
            };
            return Pieces::Parts(parts(batch, 1, work, pieces::PRODUCT, threads).into_iter().map(some).collect());
        }
        // What is read of a matrix for some of its rows, or of its columns.
        let rows = |Range { start, end }: Range<usize>, columns: usize| start * columns..end * columns;
        let columns = |Range { start, end }: Range<usize>, rows: usize, columns: usize| match end > start {
            true => start..rows.saturating_sub(1) * columns + end,
            false => 0..0,
        };
        let strides = self.strides();
        let some = |range: Range<usize>| {
            let len = range.len();
            if column_major {
                let b = if transposed.right { rows(range, k) } else { columns(range, k, n) };
                piece(Strided { spec: Self { n: len, ..*self }, strides }, 0..m * k, b)
            } else {
                let a = if transposed.left { columns(range, k, m) } else { rows(range, k) };
                piece(Strided { spec: Self { m: len, ..*self }, strides }, a, 0..k * n)
            }
        };
        let (extent, other) = if column_major { (n, m) } else { (m, n) };
        if other < LEAST_OTHER {
            return Pieces::One;
        }
        let least = pieces::PRODUCT.max(work * LEAST_ROWS as f64 / extent.max(1) as f64);
        Pieces::Parts(parts(extent, 16, work, least, threads).into_iter().map(some).collect())
    }

    fn sharing(&self) -> Option<Sharing<T>> {
        /// Rows that pay for packing: with more, the layout hardly matters.
        const MANY: usize = 128;
        /// Elements of a result that the library takes dot products for, if it finds the operands so.
        const SMALL: usize = 256;
        let Self { batch, m, n, k, transposed, column_major } = *self;
        let better = transposed.right && !column_major && (2..=MANY).contains(&m) && n > 1 && m * n > SMALL;
        better.then(|| Sharing {
            extents: [batch, k, n],
            copy: Whole::by(k * n, move |b, start, out| {
                let b = b[0][start..].chunks_exact(k * n);
                out.chunks_exact_mut(k * n).zip(b).for_each(|(out, b)| turn(&[(k, 1), (n, k)], b, out));
            }),
            product: Arc::new(Self { transposed: Matmul { right: false, ..transposed }, ..*self }),
        })
    }

    fn slice(&self, slices: usize) -> Option<Slice<T>> {
        let Self { batch, m, n, transposed, column_major, .. } = *self;
        if batch.is_multiple_of(slices) {
            return Some(Slice { kernel: Arc::new(Self { batch: batch / slices, ..*self }), right: slices });
        }
        let rows = slices / batch;
        let even = slices.is_multiple_of(batch) && m.is_multiple_of(rows) && m / rows >= LEAST_ROWS && n >= LEAST_OTHER;
        (even && !transposed.left && !column_major)
            .then(|| Slice { kernel: Arc::new(Self { batch: 1, m: m / rows, ..*self }), right: batch })
    }

    fn scratch_len(&self) -> usize {
        self.turned_len::<T>()
    }

    fn kind(&self) -> &'static str {
        "matmul"
    }

    fn detail(&self) -> String {
        let Self { batch, m, n, k, transposed, column_major } = *self;
        let turned = |flag: bool| if flag { "t" } else { "n" };
        let (left, right) = (turned(transposed.left), turned(transposed.right));
        format!("{batch} x [{m}, {k}] [{k}, {n}], {left}{right}{}", turned(column_major))
    }

    fn rows(&self) -> usize {
        self.batch * self.m
    }

    fn flops(&self) -> f64 {
        2.0 * self.batch as f64 * self.m as f64 * self.n as f64 * self.k as f64
    }
}

/// Rows of a piece of a product, but for the rounding to vectors: fewer would not pay for the packing of the other operand, and the library adds up
/// products of 64 rows and columns or less in another order.
const LEAST_ROWS: usize = 80;

/// Columns of a product in pieces: the library adds up those of less than 256 elements in another order.
const LEAST_OTHER: usize = 4;

/// Rows of an operand that are read at once where each is in another page of memory: a core knows as many pages without a look into its tables.
const FAR_ROWS: usize = 64;

/// A product of matrices whose stored rows lie further apart than they are long.
#[derive(Debug, Clone, Copy)]
struct Strided {
    spec: Gemm,
    strides: [usize; 3],
}

impl Strided {
    /// Whether the library would go down the columns of a left operand that it does not pack, for few columns of the result, from page to page.
    fn reads_far_rows<T>(&self) -> bool {
        /// Columns from which on the library packs it.
        const MANY: usize = 64;
        /// Bytes of a page.
        const PAGE: usize = 4096;
        let Gemm { n, transposed, column_major, .. } = self.spec;
        transposed.left && !column_major && n <= MANY && self.strides[0] * size_of::<T>() >= PAGE
    }
}

impl<T: Element> Product<T> for Strided {
    fn run(&self, [a, b]: [&[T]; 2], out: &mut [T], add: bool, scratch: &mut [T]) {
        let Gemm { batch, m, n, k, column_major, .. } = self.spec;
        assert_eq!(out.len(), batch * m * n, "the result of {self:?}");
        // The rows of the result are its own, whichever of the two extents is a part.
        let mut strides = [self.strides[0], self.strides[1], if column_major { m } else { n }];
        let mut spec = Gemm { batch: 1, ..self.spec };
        let turned = self.spec.turned_len::<T>();
        if turned > 0 {
            (spec.transposed.right, strides[1]) = (false, n);
        }
        for i in 0..batch {
            // One product alone may be of parts of its operands.
            let part = |x: &'_ [T], len: usize| if batch == 1 { 0..x.len() } else { i * len..(i + 1) * len };
            let (a, b) = (&a[part(a, m * k)], &b[part(b, k * n)]);
            let out = &mut out[i * m * n..(i + 1) * m * n];
            let b = if turned > 0 {
                let scratch = &mut scratch[..turned];
                turn(&[(k, 1), (n, k)], b, scratch);
                scratch
            } else {
                b
            };
            let depth = if self.reads_far_rows::<T>() { FAR_ROWS } else { k.max(1) };
            for from in (0..k.max(1)).step_by(depth) {
                let some = Gemm { k: depth.min(k - from), ..spec };
                let right = if spec.transposed.right { &b[from..] } else { &b[from * strides[1]..] };
                gemm_strided(&some, [&a[from * strides[0]..], right], out, strides, add || from > 0);
            }
        }
    }

    fn pieces(&self, _: usize) -> Pieces<T> {
        Pieces::One
    }

    fn scratch_len(&self) -> usize {
        self.spec.turned_len::<T>()
    }

    fn kind(&self) -> &'static str {
        Product::<T>::kind(&self.spec)
    }

    fn detail(&self) -> String {
        Product::<T>::detail(&self.spec)
    }

    fn rows(&self) -> usize {
        Product::<T>::rows(&self.spec)
    }

    fn flops(&self) -> f64 {
        Product::<T>::flops(&self.spec)
    }
}

/// `out <- a b`, or `out <- out + a b` if `add`. All matrices are contiguous and row-major, unless `spec` says otherwise.
///
/// # Panics
/// If a slice does not have the size that `spec` says.
pub fn gemm<T: Element>(spec: &Gemm, a: &[T], b: &[T], out: &mut [T], add: bool) {
    let Gemm { batch, m, n, k, .. } = *spec;
    assert_eq!((a.len(), b.len(), out.len()), (batch * m * k, batch * k * n, batch * m * n), "operands of {spec:?}");
    let strides = spec.strides();
    for i in 0..batch {
        let (a, b) = (&a[i * m * k..(i + 1) * m * k], &b[i * k * n..(i + 1) * k * n]);
        gemm_strided(spec, [a, b], &mut out[i * m * n..(i + 1) * m * n], strides, add);
    }
}

/// One such product of matrices whose stored rows lie `strides` elements apart: those of `a`, `b` and `out`.
///
/// # Panics
/// If a matrix reaches beyond its slice, or the rows of one overlap.
pub fn gemm_strided<T: Element>(spec: &Gemm, [a, b]: [&[T]; 2], out: &mut [T], strides: [usize; 3], add: bool) {
    let Gemm { m, n, k, transposed, column_major, .. } = *spec;
    let layout = |rows: usize, columns: usize, flip: bool, stride: usize, len: usize| {
        let (rows, columns) = if flip { (columns, rows) } else { (rows, columns) };
        let fits = rows == 0 || columns == 0 || (columns <= stride && (rows - 1) * stride + columns <= len);
        assert!(fits, "{rows} x {columns} of stride {stride} in {len} elements, {spec:?}");
        // From one column to the next, from one row to the next, of the matrix that enters the product.
        if flip { (stride as isize, 1) } else { (1, stride as isize) }
    };
    let (a_columns, a_rows) = layout(m, k, transposed.left, strides[0], a.len());
    let (b_columns, b_rows) = layout(k, n, transposed.right, strides[1], b.len());
    let (out_columns, out_rows) = layout(m, n, column_major, strides[2], out.len());
    // Out = A B in rows is B' A' in columns, which is what the library writes.
    let left = (a.as_ptr(), a_columns, a_rows);
    let right = (b.as_ptr(), b_columns, b_rows);
    let turned = |(pointer, columns, rows)| (pointer, rows, columns);
    let (m, n, out_columns, out_rows, left, right) = match out_columns < out_rows {
        true => (n, m, out_rows, out_columns, turned(right), turned(left)),
        false => (m, n, out_columns, out_rows, left, right),
    };
    // SAFETY: `layout` asserted that each matrix lies within its slice, and the strides are those with which it did so;
    // `out` is borrowed mutably and so overlaps neither operand.
    unsafe {
        T::product()(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out_columns,
            out_rows,
            add,
            left.0,
            left.1,
            left.2,
            right.0,
            right.1,
            right.2,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_copy_gives_the_same_bits() {
        let numbers = |len: usize, step: usize| (0..len).map(|i| ((i * step) as f32).sin()).collect::<Vec<f32>>();
        for (batch, m, n, k) in
            [(1, 8, 64, 512), (3, 17, 33, 40), (1, 32, 128, 1100), (1, 128, 70, 513), (1, 2, 300, 7)]
        {
            let spec = Gemm { batch, m, n, k, ..Gemm::plain(m, n, k).right() };
            let (a, b) = (numbers(batch * m * k, 7), numbers(batch * k * n, 5));
            let Sharing { copy, product, .. } = Product::<f32>::sharing(&spec).expect("few rows");
            let (mut turned, mut own, mut shared) =
                (vec![0.0; b.len()], vec![0.0; batch * m * n], vec![0.0; batch * m * n]);
            copy.run(&[&b], &mut turned, &mut []);
            spec.run([&a, &b], &mut own, false, &mut vec![0.0; Product::<f32>::scratch_len(&spec)]);
            product.run([&a, &turned], &mut shared, false, &mut vec![0.0; product.scratch_len()]);
            assert!(own == shared, "{spec:?}");
        }
    }

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
