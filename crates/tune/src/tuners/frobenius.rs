use onedge_objective::State;
use onedge_registry::{Entry, Error as SettingError};

use super::make::Make;
use super::over_signs::{OverSigns, OverSignsOptions, SETTINGS};
use crate::{Error, Events, Form, Line, Tuner};

/// `eta = sigma r / |A|_F`: A is the Hessian or, if the optimizer has a preconditioner P, `P^-1/2 H P^-1/2`, and r the number by which its
/// Frobenius norm is larger than its largest eigenvalue.
///
/// `|A|_F` is the root of the sum of all squared eigenvalues: at least |lambda|_max, and at most the root of the rank times that. With `ratio = 1` the rate is
/// never above `sigma / lambda_max`, and as few eigenvalues of a network are large, seldom far under it. If `ratio` is absent it is `|A|_F / lambda_max` at the first
/// step, by Lanczos, so that the first rate is `sigma / lambda_max`. From then on the rate follows the norm alone.
///
/// `|A|_F^2` is the mean of `|A z|^2` over random signs z: of at least 64 vectors at the first step, then of `samples` every `every` steps, averaged
/// from measurement to measurement with decay `beta`.
///
/// - Non-descent direction: not looked at; the step is taken.
/// - A lambda_max that is not positive where the ratio is measured: counted as negative, and the previous rate, or 0 at the first step.
/// - A vanishing norm: the same, counted as such.
/// - A product with the Hessian that is not finite: the line's error ends the run.
///
/// Cost: `samples / every` products with the Hessian a step, 4 evaluations of the loss each; 64 and those of Lanczos at the first step.
///
/// Source: Hutchinson, Commun. Stat. Simul. Comput. 18 (1989), for the trace of `A^2`; the rule is this project's own.
#[derive(Debug, Clone)]
pub struct Frobenius(OverSigns);

/// Who is named in errors.
const OWNER: &str = "frobenius";

impl Frobenius {
    /// With these settings.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(options: OverSignsOptions) -> Result<Self, SettingError> {
        Ok(Self(OverSigns::new(OWNER, Form::Squares, options)?))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: OWNER,
    summary: "inverse of the Hessian's Frobenius norm, scaled to the sharpness of the first step",
    doc: "eta = sigma r / |H|_F, or of P^-1/2 H P^-1/2 where the optimizer has a preconditioner P; |H|_F is the root of the sum of squared eigenvalues, \
          and at least lambda_max. r is the norm over lambda_max, the setting `ratio`, or measured at the first step, where the rate is thus sigma / lambda_max: from then on \
          it follows the norm alone, sampled with random signs. A vanishing norm gives the previous rate and is counted. Where it is right: to compare measures of sharpness. \
          Cost: samples / every products with H a step, and 64 with those of Lanczos at the first. Source: Hutchinson 1989 for the estimate; the rule is \
          this project's own.",
    settings: SETTINGS,
    build: |settings| Ok(Box::new(Frobenius(OverSigns::from_settings(OWNER, Form::Squares, settings)?))),
};

impl Tuner for Frobenius {
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
#[path = "../../tests/unit/frobenius.rs"]
mod tests;
