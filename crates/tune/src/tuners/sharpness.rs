use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use super::quadratic::quotient;
use crate::bounds::{IN_RANGE, POSITIVE};
use crate::{Error, Events, Line, Tuner};

/// `eta = sigma / lambda`, lambda the largest eigenvalue of the Hessian, or of `P^-1/2 H P^-1/2` if the optimizer has a
/// preconditioner P.
///
/// - Non-descent direction: not looked at; the step is taken.
/// - Negative lambda (the loss is concave): counted, and the previous rate, or 0 at the first step.
/// - Vanishing lambda: the same, counted as such.
/// - A lambda that had not converged when the products ran out: used, counted.
/// - A product with the Hessian that is not finite: the line's error ends the run.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, figure 15. Differs from the paper: lambda is found by Lanczos, not by
/// power iteration, and is the largest value, not the largest magnitude.
#[derive(Debug, Clone)]
pub struct Sharpness {
    sigma: f64,
    events: Events,
}

impl Sharpness {
    /// With a positive `sigma`.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(sigma: f64) -> Result<Self, SettingError> {
        Ok(Self { sigma: POSITIVE.check("sharpness", "sigma", sigma)?, events: Events::default() })
    }

    /// Sigma 3, the good one of figure 15; 2 is poor.
    pub fn paper() -> Self {
        Self::new(3.0).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("sigma"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "sharpness",
    summary: "inverse of the exact sharpness",
    doc: "eta = sigma / lambda_max(H), or of P^-1/2 H P^-1/2 where the optimizer has a preconditioner P. A sharpness \
          that is not positive gives the previous rate and is counted. Source: Roulet et al. 2024, arXiv 2407.06183, \
          figure 15.",
    settings: &[setting("sigma", Kind::Number, Default::Is("3.0"), "scaling: 2 is the edge of gradient descent")],
    build: |settings| Ok(Box::new(Sharpness::from_settings(settings)?)),
};

impl Tuner for Sharpness {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let crate::Sharpness { value: sharpness, converged } = line.sharpness()?;
        self.events.unconverged += u64::from(!converged);
        if sharpness < 0.0 {
            self.events.negative_curvature += 1;
            return Ok(line.previous_learning_rate().unwrap_or(0.0));
        }
        Ok(quotient(self.sigma, sharpness, line, &mut self.events))
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("sharpness");
        self.events = Events::read(&mut reader)?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/sharpness.rs"]
mod tests;
