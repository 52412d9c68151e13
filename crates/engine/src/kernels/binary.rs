use super::Element;
use super::dispatch::{each2, each3};

/// A function of two numbers whose loop is compiled into the fused step; all others are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a b`
    Mul,
    /// `a / b`
    Div,
    /// 1 where `a > b`, else 0.
    Greater,
}

/// Two such functions in one pass, with the bits of two: `then(first(a, b), c)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    first: Binary,
    then: Then,
}

/// The second function of a [`Pair`], of what the first gave and a third number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// `first + c`
    Add,
    /// `first - c`
    Sub,
    /// `c - first`
    From,
    /// `first c`
    Mul,
}

impl Binary {
    /// `out <- f(a, b)`; all slices have one length.
    #[inline(always)]
    pub fn apply<T: Element>(self, a: &[T], b: &[T], out: &mut [T]) {
        match self {
            Self::Add => each2(a, b, out, |a, b| a + b),
            Self::Sub => each2(a, b, out, |a, b| a - b),
            Self::Mul => each2(a, b, out, |a, b| a * b),
            Self::Div => each2(a, b, out, |a, b| a / b),
            Self::Greater => each2(a, b, out, |a, b| if a > b { T::ONE } else { T::ZERO }),
        }
    }
}

impl Pair {
    /// The pair of `first` and a second function of which its result is the left or the right argument.
    pub fn of(first: Binary, second: Binary, left: bool) -> Option<Self> {
        let then = match (second, left) {
            (Binary::Add, _) => Then::Add,
            (Binary::Mul, _) => Then::Mul,
            (Binary::Sub, true) => Then::Sub,
            (Binary::Sub, false) => Then::From,
            _ => return None,
        };
        matches!(first, Binary::Add | Binary::Sub | Binary::Mul).then_some(Self { first, then })
    }

    /// `out <- then(first(a, b), c)`; all slices have one length.
    #[inline(always)]
    pub fn apply<T: Element>(self, a: &[T], b: &[T], c: &[T], out: &mut [T]) {
        match self.first {
            Binary::Add => self.then.apply(a, b, c, out, |a, b| a + b),
            Binary::Sub => self.then.apply(a, b, c, out, |a, b| a - b),
            Binary::Mul => self.then.apply(a, b, c, out, |a, b| a * b),
            other => unreachable!("no pair begins with {other:?}"),
        }
    }
}

impl Then {
    #[inline(always)]
    fn apply<T: Element>(self, a: &[T], b: &[T], c: &[T], out: &mut [T], first: impl Fn(T, T) -> T) {
        match self {
            Self::Add => each3(a, b, c, out, |a, b, c| first(a, b) + c),
            Self::Sub => each3(a, b, c, out, |a, b, c| first(a, b) - c),
            Self::From => each3(a, b, c, out, |a, b, c| c - first(a, b)),
            Self::Mul => each3(a, b, c, out, |a, b, c| first(a, b) * c),
        }
    }
}

/// `out <- a` where `mask` is not 0, else `b`.
#[inline(always)]
pub fn select<T: Element>(mask: &[T], a: &[T], b: &[T], out: &mut [T]) {
    each3(mask, a, b, out, |mask, a, b| if mask == T::ZERO { b } else { a });
}
