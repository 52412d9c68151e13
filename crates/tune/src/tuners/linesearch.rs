//! What all linesearches do alike: when a loss is low enough, and where a search begins after one that found nothing.

use crate::{Error, Line};

/// Losses that differ by less than so many roundings of the run's precision, relative to the loss, are equal: which of
/// them is lower is an accident. A loss of small residuals loses some bits where they are formed. In single precision that
/// is 8e-6, in double 1.4e-14; Hager and Zhang, and Optax, take 1e-6 in both.
const ROUNDINGS: f64 = 64.0;

/// What is asked of a trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decrease {
    /// The loss at most, before the share of the linear decrease: `(1 + delta) f(w)`.
    pub(super) allowed: f64,
    /// The share of the linear decrease, c.
    pub(super) share: f64,
    /// `g.u`, negative.
    pub(super) slope: f64,
}

/// What a trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The loss is low enough.
    Enough,
    /// It is not.
    TooHigh,
    /// Loss and slope are those at w to the last bit: the step is lost in the rounding of the parameters, and so is
    /// every shorter one.
    NoStep,
}

impl Decrease {
    /// Whether `value`, the finite loss at `rate`, is low enough: `value <= allowed + c rate g.u`, or, where it equals the loss
    /// here but for rounding, the same of the slope: `g(w + rate u).u <= (2c - 1) g.u`. On a parabola the two say the same.
    ///
    /// Cost: where the loss does not tell, a trial.
    ///
    /// Source of the second: Hager and Zhang 2005, A new conjugate gradient method with guaranteed descent and an
    /// efficient line search, SIAM J. Optim. 16, equation 4.1.
    pub(super) fn judge(&self, line: &mut dyn Line, rate: f64, value: f64) -> Result<Verdict, Error> {
        let loss = line.loss();
        let asked = self.allowed + self.share * rate * self.slope;
        if value <= asked && (value < loss || asked > loss) {
            return Ok(Verdict::Enough);
        }
        if (value - loss).abs() > ROUNDINGS * line.rounding() * loss.abs() {
            return Ok(Verdict::TooHigh);
        }
        let slope = line.trial(rate)?.slope;
        if value == loss && slope == self.slope {
            return Ok(Verdict::NoStep);
        }
        // Not a number fails.
        let flat = slope <= (2.0 * self.share - 1.0) * self.slope;
        Ok(if flat { Verdict::Enough } else { Verdict::TooHigh })
    }
}

/// Where the search goes on that ran out of tries at `rate`, if it does: in full batch, where the next step is at the same
/// point and the same tries would fail again. A mini-batch that found nothing says little of the next one.
pub(super) fn resumed(line: &dyn Line, rate: f64) -> Option<f64> {
    Some(rate).filter(|rate| line.conditions().full_batch && *rate > 0.0)
}
