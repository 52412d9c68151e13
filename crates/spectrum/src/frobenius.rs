use onedge_objective::Real;

use crate::forms::{Form, Forms};
use crate::space::Host;
use crate::{Error, Estimate, LinearOperator, Sampling, Space};

/// The Frobenius norm, the root of the mean of `|A z|^2` over random signs z: the root of the sum of all squared eigenvalues.
///
/// # Errors
/// Numbers out of range; a product that is not finite.
///
/// Cost: one product a sample.
///
/// Source: Hutchinson's estimator of the trace of `A^2`, Commun. Stat. Simul. Comput. 18 (1989).
pub fn frobenius<T: Real>(operator: &mut dyn LinearOperator<T>, sampling: &Sampling) -> Result<Estimate, Error> {
    let mut space = Host::new(operator, 1)?;
    // The relative error of a root is half that of the square.
    let sampling = Sampling { relative_error: 2.0 * sampling.relative_error, ..*sampling };
    let (forms, at_once) = (Forms::new(&mut space, Form::Squares)?, space.at_once());
    let square = sampling.forms(forms, at_once, |forms, seeds| forms.add_signs(&mut space, seeds))?;
    Ok(square.map(f64::sqrt, |square| if square > 0.0 { 0.5 / square.sqrt() } else { 0.0 }))
}

#[cfg(test)]
mod tests {
    use onedge_objective::vector;

    use super::*;
    use crate::Dense;
    use crate::operator::samples::reflected;

    #[test]
    fn is_the_root_of_the_sum_of_squares() {
        let mut a = Dense::diagonal(&[2.0, -3.0, 6.0]);
        let norm = frobenius(&mut a, &Sampling::exactly(2, 1)).unwrap();
        assert!((norm.value - 7.0).abs() < 1e-14 && norm.standard_error < 1e-14);
        let spectrum: Vec<f64> = (0..50).map(|i| (f64::from(i) * 1.3).sin() * 4.0).collect();
        let expected = vector::norm(&spectrum);
        let (mut a, _) = reflected(&spectrum);
        for seed in 0..20 {
            let norm = frobenius(&mut a, &Sampling::exactly(40, seed)).unwrap();
            assert!((norm.value - expected).abs() < 4.0 * norm.standard_error, "{norm:?} {expected}");
        }
    }
}
