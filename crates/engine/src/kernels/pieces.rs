//! Into how many pieces a step of a whole batch is cut. It depends on the sizes of the step alone, never on threads, so that the bits do not either.

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
    let units = extent.div_ceil(unit.max(1)).max(1);
    let count = ((work / least) as usize).clamp(1, MOST.min(units));
    let bound = |i: usize| (i * units / count * unit.max(1)).min(extent);
    (0..count).map(|i| bound(i)..bound(i + 1)).collect()
}

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

    /// That `product` of operands of these lengths is in pieces, which give what it gives.
    fn check(product: &dyn Product<f64>, lens: [usize; 2], len: usize) {
        let numbers = |len: usize, step: usize| (0..len).map(|i| (i * step % 17) as f64 - 8.0).collect::<Vec<f64>>();
        let (a, b) = (numbers(lens[0], 7), numbers(lens[1], 5));
        let mut scratch = vec![0.0; product.scratch_len()];
        for add in [false, true] {
            let (mut whole, mut cut) = (vec![0.5; len], vec![0.5; len]);
            product.run([&a, &b], &mut whole, add, &mut scratch);
            let pieces = product.pieces();
            let (list, sums) = match &pieces {
                Pieces::One => panic!("{product:?} is one piece"),
                Pieces::Parts(list) => (list, false),
                Pieces::Sums(list) => (list, true),
            };
            assert!(list.len() > 1, "{product:?} is one piece");
            let mut done = 0;
            for (at, piece) in list.iter().enumerate() {
                let read = [&a[piece.operands[0].clone()], &b[piece.operands[1].clone()]];
                let mut scratch = vec![0.0; piece.kernel.scratch_len()];
                let out = if sums { &mut cut[..] } else { &mut cut[done..done + piece.len] };
                piece.kernel.run(read, out, add || (sums && at > 0), &mut scratch);
                done += if sums { 0 } else { piece.len };
            }
            assert!(sums || done == len);
            // Whole numbers, so that sums are exact in any order.
            assert!(whole == cut, "{product:?}");
        }
    }

    #[test]
    fn pieces_of_matrix_products_give_the_product() {
        for (batch, m, n, k) in [(1, 260, 190, 240), (5, 70, 90, 350)] {
            for bits in 0..8 {
                let [left, right, column_major] = [1, 2, 4].map(|bit| bits & bit > 0);
                let gemm = Gemm { batch, m, n, k, transposed: Matmul { left, right }, column_major };
                check(&gemm, [batch * m * k, batch * k * n], batch * m * n);
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
