use super::Element;
use super::binary::{Binary, select};
use super::dispatch::each;
use super::unary::Unary;

/// The kernel of an elementwise op, on tiles.
#[derive(Debug, Clone, Copy)]
pub enum Elementwise<T> {
    /// A short function of one number.
    Unary(Unary),
    /// A short function of two numbers.
    Binary(Binary),
    /// Any function of one tile: `out <- f(x)`.
    Map(fn(&[T], &mut [T])),
    /// Any function of a number and one tile: `out <- f(c, x)`.
    MapWith(fn(T, &[T], &mut [T]), T),
    /// Any function of two tiles: `out <- f(a, b)`.
    Zip(fn(&[T], &[T], &mut [T])),
    /// A number times a tile.
    Scale(T),
    /// The choice by a mask.
    Select,
}

impl<T: Element> Elementwise<T> {
    /// Writes `out` from the operands that `read` gives; all have one length.
    #[inline(always)]
    pub fn apply<'a>(&self, read: impl Fn(usize) -> &'a [T], out: &mut [T]) {
        match self {
            Self::Unary(kernel) => kernel.apply(read(0), out),
            Self::Binary(kernel) => kernel.apply(read(0), read(1), out),
            Self::Map(kernel) => kernel(read(0), out),
            Self::MapWith(kernel, c) => kernel(*c, read(0), out),
            Self::Zip(kernel) => kernel(read(0), read(1), out),
            Self::Scale(c) => each(read(0), out, |x| *c * x),
            Self::Select => select(read(0), read(1), read(2), out),
        }
    }
}
