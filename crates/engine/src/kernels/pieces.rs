//! Into how many pieces a step of a whole batch is cut. Where the bits depend on it, as those of sums do, it depends on the sizes of the step alone, never
//! on threads, so that the bits do not either.

use std::ops::Range;

use super::Product;

/// At most so many pieces of one step.
const MOST: usize = 16;

/// A product in pieces that can run at once.
pub enum Pieces<T> {
    /// It is one.
    One,
    /// Each writes a part of the result, in their order.
    Parts(Vec<Piece<T>>),
    /// The result is the sum of the results, in their order.
    Sums(Vec<Piece<T>>),
}

/// A piece of a product.
pub struct Piece<T> {
    /// The kernel with its sizes.
    pub kernel: Box<dyn Product<T>>,
    /// What it reads of the operands.
    pub operands: [Range<usize>; 2],
    /// How many elements of the result it writes.
    pub len: usize,
}

/// The bounds of pieces of `extent` elements that take `work` together: each of `least` work or more, but for the rounding to multiples of `unit`
/// elements.
pub fn bounds(extent: usize, unit: usize, work: f64, least: f64) -> Vec<Range<usize>> {
    divided(extent, unit, ((work / least) as usize).min(MOST))
}

/// So many bounds, but for the rounding to multiples of `unit` elements.
fn divided(extent: usize, unit: usize, count: usize) -> Vec<Range<usize>> {
    let units = extent.div_ceil(unit.max(1)).max(1);
    let count = count.clamp(1, units);
    let bound = |i: usize| (i * units / count * unit.max(1)).min(extent);
    (0..count).map(|i| bound(i)..bound(i + 1)).collect()
}

/// The same for parts whose elements have the same bits in any number of them: one a thread, as each packs anew what they share, or more where one would
/// take long to interrupt.
pub fn parts(extent: usize, unit: usize, work: f64, least: f64, threads: usize) -> Vec<Range<usize>> {
    divided(extent, unit, (work / least.max((work / threads.max(1) as f64).min(LONG))) as usize)
}

/// Multiplications and additions of the longest part, about 0.1 s.
const LONG: f64 = 1e10;

/// Multiplications and additions of a product that are worth a thread: about 0.1 ms.
pub const PRODUCT: f64 = 1e7;

/// Elements moved or added that are worth a thread: about 0.1 ms.
pub const ELEMENTS: f64 = 1e5;

#[cfg(test)]
mod tests {
    use onedge_graph::{Matmul, Shape, Window};

    use super::super::Gemm;
    use super::super::conv2d::{Conv2d, Role};
    use super::*;

    #[test]
    fn bounds_cover_all_and_are_worth_it() {
        assert_eq!(bounds(100, 16, 3.9, 1.0), [0..32, 32..64, 64..100]);
        assert_eq!(bounds(100, 16, 0.5, 1.0), vec![0..100]);
        assert_eq!(bounds(2, 1, 1e9, 1.0), [0..1, 1..2]);
        assert_eq!(bounds(0, 5, 1e9, 1.0), vec![0..0]);
        assert_eq!(bounds(1000, 1, 1e9, 1.0).len(), MOST);
    }

    #[test]
    fn parts_are_one_a_thread_unless_they_take_long() {
        assert_eq!([1, 2, 3].map(|threads| parts(4096, 16, 1e9, PRODUCT, threads).len()), [1, 2, 3]);
        assert_eq!([1, 2].map(|threads| parts(4096, 16, 5e10, PRODUCT, threads).len()), [5, 5]);
        assert_eq!(parts(4096, 16, 1.5e7, PRODUCT, 8).len(), 1);
        assert_eq!(parts(4096, 16, 4e11, PRODUCT, 1).len(), 40);
    }

    /// What the pieces of a product for so many threads give, and how many they are.
    fn in_pieces(
        product: &dyn Product<f64>,
        [a, b]: [&[f64]; 2],
        len: usize,
        add: bool,
        threads: usize,
    ) -> (Vec<f64>, usize) {
        let mut out = vec![0.5; len];
        let pieces = product.pieces(threads);
        let (list, sums) = match &pieces {
            Pieces::One => panic!("{product:?} is one piece"),
            Pieces::Parts(list) => (list, false),
            Pieces::Sums(list) => (list, true),
        };
        let mut done = 0;
        for (at, piece) in list.iter().enumerate() {
            let read = [&a[piece.operands[0].clone()], &b[piece.operands[1].clone()]];
            let mut scratch = vec![0.0; piece.kernel.scratch_len()];
            let out = if sums { &mut out[..] } else { &mut out[done..done + piece.len] };
            piece.kernel.run(read, out, add || (sums && at > 0), &mut scratch);
            done += if sums { 0 } else { piece.len };
        }
        assert!(sums || done == len);
        (out, list.len())
    }

    /// That `product` of operands of these lengths is in pieces, which give what it gives, and the same bits for any number of threads.
    fn check(product: &dyn Product<f64>, lens: [usize; 2], len: usize) {
        let numbers = |len: usize, step: f64| (0..len).map(|i| (i as f64 * step).sin()).collect::<Vec<f64>>();
        let (a, b) = (numbers(lens[0], 0.7), numbers(lens[1], 0.5));
        let mut scratch = vec![0.0; product.scratch_len()];
        for add in [false, true] {
            let mut whole = vec![0.5; len];
            product.run([&a, &b], &mut whole, add, &mut scratch);
            let (many, count) = in_pieces(product, [&a, &b], len, add, 16);
            assert!(count > 1, "{product:?} is one piece");
            let close = |(whole, cut): (&f64, &f64)| (whole - cut).abs() < 1e-9 * (1.0 + whole.abs());
            assert!(whole.iter().zip(&many).all(close), "{product:?}");
            for threads in [1, 2, 3, 5] {
                assert!(in_pieces(product, [&a, &b], len, add, threads).0 == many, "{product:?} of {threads} threads");
            }
        }
    }

    #[test]
    fn pieces_of_matrix_products_give_the_product() {
        for (batch, m, n, k) in [(1, 260, 190, 240), (5, 70, 90, 350), (1, 400, 60, 1100), (1, 60, 400, 1100)] {
            for bits in 0..8 {
                let [left, right, column_major] = [1, 2, 4].map(|bit| bits & bit > 0);
                let gemm = Gemm { batch, m, n, k, transposed: Matmul { left, right }, column_major };
                // What has few rows is one piece.
                if batch > 1 || if column_major { n } else { m } > 100 {
                    check(&gemm, [batch * m * k, batch * k * n], batch * m * n);
                }
            }
        }
    }

    #[test]
    fn pieces_of_convolutions_give_the_convolution() {
        let window = Window { padding: [1, 1], ..Window::new([18, 14], 3) };
        let strided = Window { stride: [2, 1], ..window };
        let depthwise = Window { groups: 16, ..window };
        for (window, channels, filters) in [(window, 16, 16), (strided, 16, 24), (depthwise, 16, 16), (window, 5, 7)] {
            let (x, w) = (Shape::new(&[40, 18, 14, channels]), Shape::new(&[3, 3, channels / window.groups, filters]));
            let y = 40 * window.output().unwrap().iter().product::<usize>() * filters;
            for role in [Role::Output, Role::Image, Role::Kernel] {
                let spec = Conv2d::new(role, window, &x, &w);
                let lens = match role {
                    Role::Output => [x.size(), w.size(), y],
                    Role::Image => [y, w.size(), x.size()],
                    Role::Kernel => [x.size(), y, w.size()],
                };
                // What is too small to be cut has as many pieces as it is worth.
                if Product::<f64>::flops(&spec) > 2.0 * PRODUCT {
                    check(&spec, [lens[0], lens[1]], lens[2]);
                }
            }
        }
    }
}
