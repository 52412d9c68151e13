use std::any::Any;
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::loops::Loops;

/// The two floats that everything is written for: `f32` for speed, `f64` for verification. Sealed.
pub trait Real:
    sealed::Sealed
    + Loops
    + Copy
    + Debug
    + Display
    + Default
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + Sum
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + 'static
{
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// The nearest value to `x`.
    fn from_f64(x: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;
    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// Not a number.
    fn is_nan(self) -> bool;
    /// Appends the bits of `values`, each little endian.
    fn to_bytes(values: &[Self], out: &mut Vec<u8>);
    /// The values with these bits; what is left over of the last one is ignored.
    fn from_bytes(bytes: &[u8]) -> Vec<Self>;
}

/// What one of two functions makes: `f32` if T is `f32`, else `f64`. Lets a table without type parameters hold how
/// something is made for both.
///
/// # Errors
/// That of the function called.
///
/// # Panics
/// If what it makes is no R.
pub fn by_precision<T: Real, R: Any, A: Any, B: Any, E>(
    f32: impl FnOnce() -> Result<A, E>,
    f64: impl FnOnce() -> Result<B, E>,
) -> Result<R, E> {
    let made: Box<dyn Any> = match T::NAME {
        "f32" => Box::new(f32()?),
        _ => Box::new(f64()?),
    };
    Ok(*made.downcast().unwrap_or_else(|_| unreachable!("made for another precision than {}", T::NAME)))
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Real for f32 {
    const NAME: &'static str = "f32";
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x as Self
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn to_bytes(values: &[Self], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + size_of_val(values), 0);
        let (words, _) = out[start..].as_chunks_mut();
        words.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_le_bytes());
    }
    fn from_bytes(bytes: &[u8]) -> Vec<Self> {
        bytes.as_chunks().0.iter().map(|word| Self::from_le_bytes(*word)).collect()
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn to_bytes(values: &[Self], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + size_of_val(values), 0);
        let (words, _) = out[start..].as_chunks_mut();
        words.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_le_bytes());
    }
    fn from_bytes(bytes: &[u8]) -> Vec<Self> {
        bytes.as_chunks().0.iter().map(|word| Self::from_le_bytes(*word)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_every_bit() {
        let narrow = [0.1_f32, -0.0, f32::INFINITY, f32::from_bits(0x7fa0_1234), f32::MIN_POSITIVE / 4.0];
        let wide = [0.1_f64, -0.0, f64::NEG_INFINITY, f64::from_bits(0xfff4_0000_0000_0001), 5e-324];
        let mut bytes = vec![7];
        Real::to_bytes(&narrow, &mut bytes);
        assert_eq!(bytes[..5], [7, 0xcd, 0xcc, 0xcc, 0x3d]);
        assert_eq!(bits(f32::from_bytes(&bytes[1..]), f32::to_bits), bits(narrow, f32::to_bits));
        let mut bytes = Vec::new();
        Real::to_bytes(&wide, &mut bytes);
        assert_eq!(bits(f64::from_bytes(&bytes), f64::to_bits), bits(wide, f64::to_bits));
    }

    fn bits<T, B>(values: impl IntoIterator<Item = T>, bits: fn(T) -> B) -> Vec<B> {
        values.into_iter().map(bits).collect()
    }
}
