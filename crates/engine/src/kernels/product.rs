use std::fmt::Debug;
use std::sync::Arc;

use super::{Pieces, Whole};

/// A product of two operands, linear in each, with its sizes.
pub trait Product<T>: Debug + Send + Sync {
    /// `out <- a b`, or `out <- out + a b` if `add`; what `scratch` holds is written over.
    fn run(&self, operands: [&[T]; 2], out: &mut [T], add: bool, scratch: &mut [T]);

    /// The same in pieces that can run at once, for so many threads. Their number may depend on the threads only where the bits do not depend on it.
    fn pieces(&self, threads: usize) -> Pieces<T>;

    /// The copy of the right operand in another layout that it would rather read, and the product that does, if several products of one operand should
    /// share such a copy. The bits are the same.
    fn sharing(&self) -> Option<Sharing<T>> {
        None
    }

    /// One of `slices` equal parts of its result, in the order in which they lie in memory; `None` if the left operand does not come in such parts, too.
    /// The bits are the same.
    fn slice(&self, slices: usize) -> Option<Slice<T>> {
        let _ = slices;
        None
    }

    /// Elements of scratch memory that it needs.
    fn scratch_len(&self) -> usize;

    /// What it is, in a word.
    fn kind(&self) -> &'static str;

    /// Its sizes.
    fn detail(&self) -> String;

    /// Rows of the left operand, as in a matrix product.
    fn rows(&self) -> usize;

    /// Multiplications and additions.
    fn flops(&self) -> f64;
}

/// How products share a copy of their right operand in another layout.
pub struct Sharing<T> {
    /// The extents of the operand: products share a copy only if they agree on them.
    pub extents: [usize; 3],
    /// Makes the copy, of as many elements.
    pub copy: Whole<T>,
    /// The product of the left operand and the copy.
    pub product: Arc<dyn Product<T>>,
}

/// A part of a product: of an equal part of the left operand, and some of the right one.
pub struct Slice<T> {
    /// The product of the two parts.
    pub kernel: Arc<dyn Product<T>>,
    /// Into how many equal parts the right operand is cut; each serves as many slices as come to it.
    pub right: usize,
}
