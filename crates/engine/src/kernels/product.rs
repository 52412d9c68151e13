use std::fmt::Debug;

use super::Pieces;

/// A product of two operands, linear in each, with its sizes.
pub trait Product<T>: Debug + Send + Sync {
    /// `out <- a b`, or `out <- out + a b` if `add`; what `scratch` holds is written over.
    fn run(&self, operands: [&[T]; 2], out: &mut [T], add: bool, scratch: &mut [T]);

    /// The same in pieces that can run at once.
    fn pieces(&self) -> Pieces<T>;

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
