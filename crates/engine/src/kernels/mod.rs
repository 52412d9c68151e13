//! Single-threaded kernels, each under the name of its op. Loops are compiled for each level of vector instructions
//! and chosen at run time; no order of a sum depends on that choice.

mod binary;
mod boxes;
mod conv2d;
mod element;
mod gemm;
mod rows;
mod spread;
mod sum;
mod unary;
mod vector_math;

pub use binary::{Binary, Pair, select};
pub use boxes::{Boxed, cut, iota, paste, put_add, take};
pub use conv2d::{Conv2d, Role, conv2d, fold_patches, patches};
pub use element::Element;
pub use gemm::{Gemm, gemm, gemm_strided};
pub use rows::{logsumexp, one_hot, pick, reduce_max, softmax};
pub use spread::{Spread, permute};
pub use sum::{Sum, accumulate, add_window, sum, tile_total, total, variance};
pub use unary::{Unary, scale};

/// Elements of a tile: all tiles of a fused step stay in the L1 cache.
pub const TILE: usize = 1024;

/// Runs `f` compiled for the widest vector instructions of this machine.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Runs `op` with the widest vector instructions of this machine.
#[inline(always)]
fn on_this_machine<Op: pulp::WithSimd>(op: Op) -> Op::Output {
    pulp::Arch::new().dispatch(op)
}

/// The number of elements of a vector of this machine.
fn lanes<T: Element>() -> usize {
    struct Lanes<T>(std::marker::PhantomData<T>);
    impl<T: Element> pulp::WithSimd for Lanes<T> {
        type Output = usize;
        fn with_simd<S: pulp::Simd>(self, _: S) -> usize {
            T::lanes::<S>()
        }
    }
    on_this_machine(Lanes(std::marker::PhantomData::<T>))
}

/// `out <- f(x)`, elementwise. What `f` captures must be constant, or the loop is not vectorised.
#[inline(always)]
fn map<T: Element>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    vectorised(
        #[inline(always)]
        || {
            for (out, x) in out.iter_mut().zip(x) {
                *out = f(*x);
            }
        },
    );
}

/// `x <- f(x)`, elementwise.
#[inline(always)]
fn map_mut<T: Element>(x: &mut [T], f: impl Fn(T) -> T) {
    vectorised(
        #[inline(always)]
        || x.iter_mut().for_each(|x| *x = f(*x)),
    );
}
