//! Loops compiled for each level of vector instructions, chosen at run time.

/// Elements of a tile: all tiles of a fused step stay in the L1 cache.
pub const TILE: usize = 1024;

/// Runs `f` compiled for the widest vector instructions of this machine.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Runs `op` with the widest vector instructions of this machine.
#[inline(always)]
pub fn on_this_machine<Op: pulp::WithSimd>(op: Op) -> Op::Output {
    pulp::Arch::new().dispatch(op)
}

/// `out <- f(x)`, elementwise. What `f` captures must be constant, or the loop is not vectorised.
#[inline(always)]
pub fn map<T: Copy>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    vectorised(
        #[inline(always)]
        || each(x, out, f),
    );
}

/// `x <- f(x)`, elementwise.
#[inline(always)]
pub fn map_mut<T: Copy>(x: &mut [T], f: impl Fn(T) -> T) {
    vectorised(
        #[inline(always)]
        || x.iter_mut().for_each(|x| *x = f(*x)),
    );
}

/// `out <- f(a, b)`, elementwise.
#[inline(always)]
pub fn zip<T: Copy>(a: &[T], b: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
    vectorised(
        #[inline(always)]
        || each2(a, b, out, f),
    );
}

/// `out <- f(x)`, elementwise, for a caller that is compiled for the vectors of this machine, or an `f` that has none.
#[inline(always)]
pub fn each<T: Copy>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = f(*x);
    }
}

/// The same for two operands.
#[inline(always)]
pub fn each2<T: Copy>(a: &[T], b: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(*a, *b);
    }
}

/// The same for three operands.
#[inline(always)]
pub fn each3<T: Copy>(a: &[T], b: &[T], c: &[T], out: &mut [T], f: impl Fn(T, T, T) -> T) {
    for (((out, a), b), c) in out.iter_mut().zip(a).zip(b).zip(c) {
        *out = f(*a, *b, *c);
    }
}
