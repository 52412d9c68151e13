use std::marker::PhantomData;

use onedge_objective::Real;
use pulp::{Simd, WithSimd};

use crate::precision::Precision;

use super::dispatch::{each, on_this_machine};

/// `dst <- alpha dst + beta lhs rhs` of the library for products: sizes m, n, k; dst with its strides from column to column and
/// from row to row, and whether it is read; lhs and rhs with theirs; alpha, beta; which to conjugate; threads.
///
/// Its kernels write columns: the strides of dst must not be larger from row to row than from column to column.
pub type MatrixProduct<T> = unsafe fn(
    usize,
    usize,
    usize,
    *mut T,
    isize,
    isize,
    bool,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    T,
    bool,
    bool,
    bool,
    gemm_common::Parallelism,
);

/// A float with kernels of its own: which function is taken for either precision, and vectors of it.
pub trait Element: Real + Precision {
    /// Runs the one of two functions on slices that is for this precision.
    fn by_precision(
        x: &[Self],
        out: &mut [Self],
        f32: impl FnOnce(&[f32], &mut [f32]),
        f64: impl FnOnce(&[f64], &mut [f64]),
    );
    /// `out <- f(x)`, elementwise, by the one of two functions that is for this precision.
    fn each(x: &[Self], out: &mut [Self], f32: impl Fn(f32) -> f32, f64: impl Fn(f64) -> f64) {
        Self::by_precision(x, out, |x, out| each(x, out, f32), |x, out| each(x, out, f64));
    }
    /// ln(1 + x) of one number, accurate for small x.
    fn ln_1p(self) -> Self;
    /// The product of matrices that is fastest on this machine.
    fn product() -> MatrixProduct<Self>;

    /// A vector of the instruction set `S`.
    type Vector<S: Simd>: Copy;
    /// The number of elements of a vector.
    #[inline(always)]
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }
    /// The number of elements of a vector of this machine.
    fn machine_lanes() -> usize {
        struct Lanes<T>(PhantomData<T>);
        impl<T: Element> WithSimd for Lanes<T> {
            type Output = usize;
            fn with_simd<S: Simd>(self, _: S) -> usize {
                T::lanes::<S>()
            }
        }
        on_this_machine(Lanes(PhantomData::<Self>))
    }
    /// A vector of one number.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// `a + b`
    fn add_vectors<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a b + c`, rounded once.
    fn mul_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// The vector at `from`, aligned or not.
    ///
    /// # Safety
    /// As many elements as a vector has can be read there.
    #[inline(always)]
    unsafe fn load<S: Simd>(_: S, from: *const Self) -> Self::Vector<S> {
        // SAFETY: the caller's promise; a vector is plain numbers.
        unsafe { from.cast::<Self::Vector<S>>().read_unaligned() }
    }
    /// Writes a vector to `to`, aligned or not.
    ///
    /// # Safety
    /// As many elements as a vector has can be written there.
    #[inline(always)]
    unsafe fn store<S: Simd>(_: S, to: *mut Self, vector: Self::Vector<S>) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<Self::Vector<S>>().write_unaligned(vector) }
    }
}

impl Element for f32 {
    fn by_precision(
        x: &[Self],
        out: &mut [Self],
        own: impl FnOnce(&[f32], &mut [f32]),
        _: impl FnOnce(&[f64], &mut [f64]),
    ) {
        own(x, out);
    }
    fn ln_1p(self) -> Self {
        self.ln_1p()
    }
    fn product() -> MatrixProduct<Self> {
        gemm_f32::gemm::f32::get_gemm_fn()
    }

    type Vector<S: Simd> = S::f32s;
    #[inline(always)]
    fn splat<S: Simd>(simd: S, x: Self) -> S::f32s {
        simd.splat_f32s(x)
    }
    #[inline(always)]
    fn add_vectors<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.add_f32s(a, b)
    }
    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        simd.mul_add_f32s(a, b, c)
    }
}

impl Element for f64 {
    fn by_precision(
        x: &[Self],
        out: &mut [Self],
        _: impl FnOnce(&[f32], &mut [f32]),
        own: impl FnOnce(&[f64], &mut [f64]),
    ) {
        own(x, out);
    }
    fn ln_1p(self) -> Self {
        self.ln_1p()
    }
    fn product() -> MatrixProduct<Self> {
        gemm_f64::gemm::f64::get_gemm_fn()
    }

    type Vector<S: Simd> = S::f64s;
    #[inline(always)]
    fn splat<S: Simd>(simd: S, x: Self) -> S::f64s {
        simd.splat_f64s(x)
    }
    #[inline(always)]
    fn add_vectors<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.add_f64s(a, b)
    }
    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_f64s(a, b, c)
    }
}
