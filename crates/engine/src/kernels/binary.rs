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

/// What a product is put to as it is made, with the bits of two operations: rounded twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// `a b + c`
    Plus,
    /// `a b - c`
    Minus,
    /// `c - a b`
    From,
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

impl Product {
    /// `out <- f(a b, c)`; all slices have one length.
    #[inline(always)]
    pub fn apply<T: Element>(self, a: &[T], b: &[T], c: &[T], out: &mut [T]) {
        match self {
            Self::Plus => zip3(a, b, c, out, |a, b, c| a * b + c),
            Self::Minus => zip3(a, b, c, out, |a, b, c| a * b - c),
            Self::From => zip3(a, b, c, out, |a, b, c| c - a * b),
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
