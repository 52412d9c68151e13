use onedge_objective::State;
use onedge_registry::{Entry, Error as SettingError};

use super::make::Make;
use super::over_signs::{OverSigns, OverSignsOptions, SETTINGS};
use crate::{Error, Events, Form, Line, Tuner};

/// `eta = sigma r / tr A`: A is the Hessian or, if the optimizer has a preconditioner P, `P^-1/2 H P^-1/2`, and r the number by which its
/// trace is larger than its largest eigenvalue.
///
/// Where no eigenvalue is negative the trace is at least lambda_max and at most rank times that, so that sigma over the trace alone would be a rate far under the
/// edge. `ratio` is r, a number of eigenvalues; if it is absent it is `tr A / lambda_max` at the first step, by Lanczos, so that the first rate is `sigma /
/// lambda_max`. From then on the rate follows the trace alone: it stays on the edge as long as the shape of the spectrum stays as it was.
///
/// The trace is the mean of `z . A z` over random signs z (Hutchinson): of at least 64 vectors at the first step, then of `samples` every `every`
/// steps, averaged from measurement to measurement with decay `beta`.
///
/// - Non-descent direction: not looked at; the step is taken.
/// - A negative trace: its absolute value, counted.
/// - A lambda_max that is not positive where the ratio is measured: counted as negative, and the previous rate, or 0 at the first step.
/// - A vanishing trace: the same, counted as such.
/// - A product with the Hessian that is not finite: the line's error ends the run.
///
/// Cost: `samples / every` products with the Hessian a step, 4 evaluations of the loss each; 64 and those of Lanczos at the first step.
///
/// Source: Hutchinson, Commun. Stat. Simul. Comput. 18 (1989), for the estimate; the rule is this project's own.
#[derive(Debug, Clone)]
pub struct Trace(OverSigns);

/// Who is named in errors.
const OWNER: &str = "trace";

impl Trace {
    /// With these settings.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(options: OverSignsOptions) -> Result<Self, SettingError> {
        Ok(Self(OverSigns::new(OWNER, Form::Trace, options)?))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: OWNER,
    summary: "inverse of the Hessian's trace, scaled to the sharpness of the first step",
    doc: "eta = sigma r / tr(H), or of P^-1/2 H P^-1/2 where the optimizer has a preconditioner P. r is the trace over lambda_max, the setting \
          `ratio`, or measured at the first step, where the rate is thus sigma / lambda_max: from then on it follows the trace alone, sampled with random \
          signs. A negative trace counts by its size; a vanishing one gives the previous rate; both are counted. Where it is right: to compare measures of sharpness. \
          Cost: samples / every products with H a step, and 64 with those of Lanczos at the first. Source: Hutchinson 1989 for the estimate; the rule is \
          this project's own.",
    settings: SETTINGS,
    build: |settings| Ok(Box::new(Trace(OverSigns::from_settings(OWNER, Form::Trace, settings)?))),
};

impl Tuner for Trace {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        self.0.learning_rate(line)
    }

    fn events(&self) -> &Events {
        &self.0.events
    }

    fn state(&self) -> State<f64> {
        self.0.state()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        self.0.restore(state)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/trace.rs"]
mod tests;
