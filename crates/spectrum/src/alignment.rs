//! How an update lies: against the top eigenvector and against the update before it.

use onedge_objective::{Error, Real, vector};

/// `(u.v)^2 / |u|^2`, the share of the update along the unit vector `v`: 0 to 1. A zero update has alignment 0.
pub fn alignment<T: Real>(u: &[T], v: &[T]) -> f64 {
    let square = vector::dot(u, u);
    if square == 0.0 { 0.0 } else { vector::dot(u, v).powi(2) / square }
}

/// The alignment in the coordinates `D^1/2 w` in which the preconditioned Hessian `D^-1/2 H D^-1/2` acts: that of
/// `D^1/2 u` with its unit eigenvector `v`.
///
/// # Errors
/// If the lengths differ.
pub fn preconditioned_alignment<T: Real>(u: &[T], v: &[T], diagonal: &[T]) -> Result<f64, Error> {
    Error::require_length("update", v.len(), u.len())?;
    Error::require_length("preconditioner", v.len(), diagonal.len())?;
    let scaled: Vec<T> = u.iter().zip(diagonal).map(|(&u, &d)| u * d.sqrt()).collect();
    Ok(alignment(&scaled, v))
}

/// The angle between two updates in radians, 0 to pi; pi/2 if either is zero.
pub fn angle<T: Real>(u: &[T], previous: &[T]) -> f64 {
    vector::cosine(u, previous).clamp(-1.0, 1.0).acos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_along_the_eigenvector() {
        assert!((alignment(&[3.0, 4.0], &[0.0, 1.0]) - 0.64).abs() < 1e-15);
        assert!((alignment(&[-3.0, 4.0], &[1.0, 0.0]) - 0.36).abs() < 1e-15);
        assert_eq!(alignment(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
        // D^1/2 u = (6, 4)
        let share = preconditioned_alignment(&[3.0, 4.0], &[1.0, 0.0], &[4.0, 1.0]).unwrap();
        assert!((share - 36.0 / 52.0).abs() < 1e-15);
        assert!(preconditioned_alignment(&[3.0], &[1.0, 0.0], &[4.0, 1.0]).is_err());
    }

    #[test]
    fn angles() {
        assert!((angle(&[1.0, 0.0], &[1.0, 1.0]) - std::f64::consts::FRAC_PI_4).abs() < 1e-12);
        assert!((angle(&[1.0, 2.0], &[-2.0, -4.0]) - std::f64::consts::PI).abs() < 1e-7);
        assert!((angle(&[1.0, 2.0], &[0.0, 0.0]) - std::f64::consts::FRAC_PI_2).abs() < 1e-15);
    }
}
