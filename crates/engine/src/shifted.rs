use onedge_objective::{Real, vector};

/// What the curvature's pass reads of a direction: `u`; `w + s u` and `w - s u`, with a step s for each parameter; the
/// steps; `1 / (2 s)`; `1 / s^2`.
pub struct Layout {
    /// Where `w + s u` begins.
    pub plus: usize,
    /// Where `w - s u` begins.
    pub minus: usize,
    /// Where the steps, their half inverses and their inverse squares begin.
    pub scalars: [usize; 3],
}

impl Layout {
    /// For `parameters` tensors of `dim` elements in all.
    pub fn new(dim: usize, parameters: usize) -> Self {
        let scalars = [0, 1, 2].map(|list| 3 * dim + list * parameters);
        Self { plus: dim, minus: 2 * dim, scalars }
    }
}

/// Writes all that of the direction `u` at `w` to `out`, for parameters of these sizes.
pub fn shift<T: Real>(w: &[T], u: &[T], sizes: &[usize], out: &mut Vec<T>) {
    let layout = Layout::new(w.len(), sizes.len());
    out.resize(3 * (w.len() + sizes.len()), T::ZERO);
    out[..u.len()].copy_from_slice(u);
    let mut start = 0;
    for (i, &size) in sizes.iter().enumerate() {
        let (own, along) = (&w[start..start + size], &u[start..start + size]);
        let step = step(vector::norm(own), vector::norm(along), size);
        vector::add_scaled(own, step, along, &mut out[layout.plus + start..][..size]);
        vector::add_scaled(own, -step, along, &mut out[layout.minus + start..][..size]);
        for (list, value) in layout.scalars.iter().zip([step, 0.5 / step, 1.0 / (step * step)]) {
            out[list + i] = T::from_f64(value);
        }
        start += size;
    }
}

/// The power of two next to `|W| / |U|`, so that W and s U are of one size and nothing is lost in scaling. Where W is
/// zero, one that makes the elements of s U about 1; where U is zero, or anything is not finite, 1.
fn step(parameter: f64, direction: f64, size: usize) -> f64 {
    const LIMIT: f64 = 40.0;
    let target = if parameter == 0.0 { (size as f64).sqrt() } else { parameter };
    let exponent = (target.log2() - direction.log2()).round();
    if exponent.is_finite() { exponent.clamp(-LIMIT, LIMIT).exp2() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_move_by_their_own_steps() {
        let (w, u) = ([3.0, -4.0, 0.0, 0.0, 1.0], [0.3, 0.4, 2.0, 2.0, 0.0]);
        let mut out = Vec::new();
        shift(&w, &u, &[2, 2, 1], &mut out);
        assert_eq!(out[..5], u);
        assert_eq!(out[15..], [8.0, 0.5, 1.0, 1.0 / 16.0, 1.0, 0.5, 1.0 / 64.0, 4.0, 1.0]);
        let close = |got: &[f64], expected: [f64; 5]| got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(&out[5..10], [5.4, -0.8, 1.0, 1.0, 1.0]), "{out:?}");
        assert!(close(&out[10..15], [0.6, -7.2, -1.0, -1.0, 1.0]), "{out:?}");
    }

    #[test]
    fn steps_are_always_finite() {
        for (parameter, direction) in [(0.0, 0.0), (1.0, 0.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(step(parameter, direction, 3), 1.0);
        }
        assert_eq!(step(1e300, 1e-300, 3), 40f64.exp2());
    }
}
