//! The vectorised approximations of `rten-vecmath` on initialised slices.

use rten_simd::SimdUnaryOp;

/// `out <- op(x)`: copies, then works in place, so that no uninitialised memory is involved. Both fit the L1 cache.
pub fn map(op: &impl SimdUnaryOp<f32>, x: &[f32], out: &mut [f32]) {
    out.copy_from_slice(x);
    op.map_mut(out);
}

/// `x <- op(x)`
pub fn map_mut(op: &impl SimdUnaryOp<f32>, x: &mut [f32]) {
    op.map_mut(x);
}
