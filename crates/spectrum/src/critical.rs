use onedge_objective::{Error as ObjectiveError, Objective, Real, vector};

use crate::Error;

/// How [`critical_sharpness`] looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CriticalSearch {
    /// The first rate tried, positive: the one in use is a good one.
    pub start: f64,
    /// The critical rate is known to this share of itself.
    pub tolerance: f64,
    /// Evaluations of the loss at most.
    pub max_losses: usize,
}

/// What [`critical_sharpness`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Critical {
    /// A rate at which the loss is above that at w, within the tolerance of one at which it is not; `None` if no rate tried
    /// raised the loss, or all did.
    pub rate: Option<f64>,
    /// Evaluations of the loss.
    pub losses: usize,
}

impl Critical {
    /// `2 / rate`
    pub fn sharpness(&self) -> Option<f64> {
        self.rate.map(|rate| 2.0 / rate)
    }
}

/// Critical sharpness `2 / eta_c`: eta_c the smallest rate at which a step along `u` raises the loss, `f(w + eta u) > f(w)`.
///
/// Doubles or halves the rate until the loss at one is above `f(w)` and at its half is not, then halves the interval on a
/// logarithmic scale. A loss that is not finite is above. On a quadratic it is `u . H u / -g . u`, so that CDAT's rate is
/// `sigma / critical sharpness`. If the loss crosses `f(w)` more than once, one of the crossings is found.
///
/// # Errors
/// Numbers out of range; whatever else than non-finite losses the objective reports.
///
/// Cost: forward passes alone, about `log2(eta_c / start) + log2(1 / tolerance) + 2`.
///
/// Source: Kalra et al. 2026, arXiv 2601.16979.
pub fn critical_sharpness<T: Real>(
    objective: &mut dyn Objective<T>,
    w: &[T],
    u: &[T],
    loss: f64,
    search: &CriticalSearch,
) -> Result<Critical, Error> {
    let CriticalSearch { start, tolerance, max_losses } = *search;
    Error::require_option(start > 0.0 && start.is_finite(), "start", "a positive finite rate", start)?;
    Error::require_option(tolerance > 0.0 && tolerance.is_finite(), "tolerance", "a positive number", tolerance)?;
    let (mut trial, mut losses) = (w.to_vec(), 0);
    let mut raises = |rate: f64| -> Result<bool, Error> {
        vector::add_scaled(w, rate, u, &mut trial);
        losses += 1;
        match objective.loss(&trial) {
            Ok(value) => Ok(value > loss),
            Err(ObjectiveError::NonFinite { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    };
    let first = raises(start)?;
    let (mut below, mut above, mut bracketed) = (start, start, false);
    for _ in 1..max_losses {
        if !bracketed {
            let next = if first { below / 2.0 } else { above * 2.0 };
            if !(next > 0.0 && next.is_finite()) {
                break;
            }
            let up = raises(next)?;
            (below, above) = if first { (next, below) } else { (above, next) };
            bracketed = up != first;
        } else if above > below * (1.0 + tolerance) {
            let middle = (below * above).sqrt();
            if raises(middle)? { above = middle } else { below = middle }
        } else {
            break;
        }
    }
    Ok(Critical { rate: bracketed.then_some(above), losses })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0.5 w' diag(4, 1) w`; not finite beyond 100.
    struct Quadratic;

    impl Objective<f64> for Quadratic {
        fn dim(&self) -> usize {
            2
        }
        fn linearize(&mut self, _: &[f64], _: &mut [f64]) -> Result<f64, ObjectiveError> {
            unreachable!("forward passes alone")
        }
        fn curvature(&mut self, _: &[f64]) -> Result<f64, ObjectiveError> {
            unreachable!("forward passes alone")
        }
        fn hessian_vector(&mut self, _: &[f64], _: &mut [f64]) -> Result<(), ObjectiveError> {
            unreachable!("forward passes alone")
        }
        fn loss(&mut self, w: &[f64]) -> Result<f64, ObjectiveError> {
            let value = if w[0].abs() > 100.0 { f64::NAN } else { 2.0 * w[0] * w[0] + 0.5 * w[1] * w[1] };
            ObjectiveError::require_finite(onedge_objective::Probe::TrialLoss, value)
        }
    }

    #[test]
    fn is_the_quotient_of_curvature_and_slope_on_a_quadratic() {
        // g = (4, 2) at (1, 2), u = -g: u.Hu = 64 + 4 = 68, -g.u = 20.
        for start in [1e-4, 0.5, 3e4] {
            let search = CriticalSearch { start, tolerance: 1e-6, max_losses: 200 };
            let critical = critical_sharpness(&mut Quadratic, &[1.0, 2.0], &[-4.0, -2.0], 4.0, &search).unwrap();
            assert!((critical.sharpness().unwrap() / 3.4 - 1.0).abs() < 2e-6, "{critical:?}");
        }
        let rough = CriticalSearch { start: 1.0, tolerance: 0.1, max_losses: 10 };
        let critical = critical_sharpness(&mut Quadratic, &[1.0, 2.0], &[-4.0, -2.0], 4.0, &rough).unwrap();
        assert!(critical.losses <= 7 && (critical.sharpness().unwrap() / 3.4 - 1.0).abs() < 0.1);
    }

    #[test]
    fn says_when_there_is_none() {
        let search = CriticalSearch { start: 1.0, tolerance: 0.01, max_losses: 40 };
        let nowhere = critical_sharpness(&mut Quadratic, &[1.0, 2.0], &[0.0, 0.0], 4.0, &search).unwrap();
        assert_eq!((nowhere.rate, nowhere.losses), (None, 40));
        let ascent = critical_sharpness(&mut Quadratic, &[1.0, 2.0], &[4.0, 2.0], 4.0, &search).unwrap();
        assert_eq!(ascent.rate, None);
        let bad = CriticalSearch { start: 0.0, ..search };
        assert!(critical_sharpness(&mut Quadratic, &[1.0, 2.0], &[4.0, 2.0], 4.0, &bad).is_err());
    }
}
