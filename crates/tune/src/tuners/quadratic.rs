//! What the rules built on the quadratic model `f + eta s + eta^2 c / 2` share, with their policies.

use super::parts::Parts;
use crate::{Error, Events, Line};

/// `n = max(-s, 0)`. A slope that is not negative is counted and gives 0; NaN never gets here, it is the line's error.
pub(super) fn numerator(line: &mut dyn Line, events: &mut Events) -> Result<f64, Error> {
    let slope = line.slope()?;
    if slope < 0.0 {
        return Ok(-slope);
    }
    events.non_descent += 1;
    Ok(0.0)
}

/// `|c|`, of the batch or of a part. A negative curvature is counted.
pub(super) fn denominator(parts: Parts, line: &mut dyn Line, events: &mut Events) -> Result<f64, Error> {
    let curvature = parts.curvature(line)?;
    if curvature < 0.0 {
        events.negative_curvature += 1;
    }
    Ok(curvature.abs())
}

/// `numerator / denominator`, 0 if the numerator is 0. Where the denominator vanishes, so that the quotient is not
/// finite, the previous rate, or 0 at the first step; that is counted.
pub(super) fn quotient(numerator: f64, denominator: f64, line: &dyn Line, events: &mut Events) -> f64 {
    let rate = if numerator == 0.0 { 0.0 } else { numerator / denominator };
    if rate.is_finite() {
        return rate;
    }
    events.vanishing_denominator += 1;
    line.previous_learning_rate().unwrap_or(0.0)
}

/// `rate`, kept in [`floor`, `cap`]; what had to be changed is counted.
pub(super) fn within(rate: f64, floor: f64, cap: f64, events: &mut Events) -> f64 {
    if rate < floor {
        events.floored += 1;
        return floor;
    }
    cut(rate, cap, events)
}

/// `rate`, cut at `cap`; a cut is counted.
pub(super) fn cut(rate: f64, cap: f64, events: &mut Events) -> f64 {
    if rate > cap {
        events.capped += 1;
        return cap;
    }
    rate
}
