use onedge_objective::{Error as ObjectiveError, Real, vector};

use crate::krylov::Krylov;
use crate::space::Host;
use crate::{Error, LinearOperator};

/// The Ritz values after `steps` Lanczos products from `start`, in ascending order: eigenvalues of the operator
/// projected onto `start, A start, A^2 start, ...`, fully reorthogonalised. They lie between the ends of the spectrum,
/// and the outer ones approach them.
///
/// Errors: `start` of the wrong length; whatever the operator reports.
/// `threads` work on the basis beside those of the operator; they change no bit.
/// Cost: `steps` products, and three sweeps over the basis for each.
/// Source: Lanczos, J. Res. Nat. Bur. Standards 45 (1950).
pub fn ritz_values<T: Real>(
    operator: &mut dyn LinearOperator<T>,
    start: &[T],
    steps: usize,
    threads: usize,
) -> Result<Vec<f64>, Error> {
    ObjectiveError::require_length("start", operator.dim(), start.len())?;
    let mut unit = start.to_vec();
    vector::scale(1.0 / vector::norm(start), &mut unit);
    let mut space = Host::new(operator, threads)?;
    let mut krylov = Krylov::new(&space, unit, 0);
    while krylov.products < steps && (krylov.products == 0 || !krylov.complete()) {
        krylov.advance(&mut space)?;
    }
    Ok(krylov.ritz()?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dense;

    #[test]
    fn as_many_steps_as_dimensions_give_the_spectrum() {
        let spectrum = [-2.5, 0.3, 1.7, 4.2];
        let mut operator = Dense::diagonal(&spectrum);
        let ritz = ritz_values(&mut operator, &[0.4, 1.1, -0.7, 0.9], 10, 1).unwrap();
        assert_eq!(ritz.len(), 4);
        assert!(ritz.iter().zip(spectrum).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn two_steps_give_the_spectrum_of_the_projection() {
        // From (1, 1) / sqrt 2 on diag(1, 3): the space is all of R^2; from one step, the Rayleigh quotient 2.
        let mut operator = Dense::diagonal(&[1.0, 3.0]);
        assert!((ritz_values(&mut operator, &[1.0, 1.0], 1, 1).unwrap()[0] - 2.0).abs() < 1e-14);
    }
}
