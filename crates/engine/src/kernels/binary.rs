use super::Element;

/// A function of two numbers, elementwise.
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
    /// The larger; NaN if either is.
    Maximum,
    /// The smaller; NaN if either is.
    Minimum,
    /// 1 where `a > b`, else 0.
    Greater,
    /// 1 where `a = b`, else 0.
    Equal,
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
    /// The binary elementwise op of this name.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "add" => Self::Add,
            "sub" => Self::Sub,
            "mul" => Self::Mul,
            "div" => Self::Div,
            "maximum" => Self::Maximum,
            "minimum" => Self::Minimum,
            "greater" => Self::Greater,
            "equal" => Self::Equal,
            _ => return None,
        })
    }

    /// `out <- f(a, b)`; all slices have one length.
    #[inline(always)]
    pub fn apply<T: Element>(self, a: &[T], b: &[T], out: &mut [T]) {
        match self {
            Self::Add => zip(a, b, out, |a, b| a + b),
            Self::Sub => zip(a, b, out, |a, b| a - b),
            Self::Mul => zip(a, b, out, |a, b| a * b),
            Self::Div => zip(a, b, out, |a, b| a / b),
            // Not the maximum of the standard library, which drops a NaN.
            Self::Maximum => zip(a, b, out, |a, b| if a > b || a.is_nan() { a } else { b }),
            Self::Minimum => zip(a, b, out, |a, b| if a < b || a.is_nan() { a } else { b }),
            Self::Greater => zip(a, b, out, |a, b| if a > b { T::ONE } else { T::ZERO }),
            Self::Equal => zip(a, b, out, |a, b| if a == b { T::ONE } else { T::ZERO }),
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
            Self::Add => zip3(a, b, c, out, |a, b, c| first(a, b) + c),
            Self::Sub => zip3(a, b, c, out, |a, b, c| first(a, b) - c),
            Self::From => zip3(a, b, c, out, |a, b, c| c - first(a, b)),
            Self::Mul => zip3(a, b, c, out, |a, b, c| first(a, b) * c),
        }
    }
}

/// `out <- a` where `mask` is not 0, else `b`.
#[inline(always)]
pub fn select<T: Element>(mask: &[T], a: &[T], b: &[T], out: &mut [T]) {
    zip3(mask, a, b, out, |mask, a, b| if mask == T::ZERO { b } else { a });
}

#[inline(always)]
fn zip<T: Element>(a: &[T], b: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(*a, *b);
    }
}

#[inline(always)]
fn zip3<T: Element>(a: &[T], b: &[T], c: &[T], out: &mut [T], f: impl Fn(T, T, T) -> T) {
    for (((out, a), b), c) in out.iter_mut().zip(a).zip(b).zip(c) {
        *out = f(*a, *b, *c);
    }
}
