//! The model without the sharpness: equation (5), in `p = x^2` and `y = eta lambda - 2`.

use crate::Time;

/// One step of equation (5), from the rate `eta` to the rate `next`: the new `(p, y)`.
///
/// ```text
/// p+ = (1 + y)^2 p      y+ = eta+ eta (a - b p) + (eta+/eta) y + 2 (eta+/eta - 1)
/// ```
///
/// It says the same as equation (4). Semi-implicit, `y+` reads `p+`.
pub fn advance(p: f64, y: f64, (eta, next): (f64, f64), (a, b): (f64, f64), time: Time) -> (f64, f64) {
    let p_next = (1.0 + y).powi(2) * p;
    let ratio = next / eta;
    (p_next, next * eta * (a - b * pressing(p, p_next, time)) + ratio * y + 2.0 * (ratio - 1.0))
}

/// The next rate of the classical tuner from `p` and `y` alone: that which leaves `y` where it is.
///
/// `eta+ = eta (2 + y) / (2 + y + eta^2 (a - b p))`, the solution of `y+ = y` in equation (5).
pub fn classical_rate(p: f64, y: f64, eta: f64, (a, b): (f64, f64), time: Time) -> f64 {
    let p_next = (1.0 + y).powi(2) * p;
    eta * (2.0 + y) / (2.0 + y + eta * eta * (a - b * pressing(p, p_next, time)))
}

fn pressing(p: f64, p_next: f64, time: Time) -> f64 {
    match time {
        Time::Printed => p,
        Time::SemiImplicit => p_next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuners::{Classical, Tuner};
    use crate::{Parameters, State, advance as advance_4};

    const BOTH: [Time; 2] = [Time::Printed, Time::SemiImplicit];

    #[test]
    fn equation_5_follows_from_equation_4() {
        let parameters = Parameters { a: 0.7, b: 0.3, nu: 0.0 };
        for time in BOTH {
            for (eta, next, lambda, x) in [(0.3, 0.2, 6.5, 1.3), (0.05, 0.11, 18.0, -2.0), (1.0, 1.0, 1.9, 0.2)] {
                let state = State::new(eta, lambda, x, 0.0, 0.0);
                let mut after = advance_4(&state, &parameters, time);
                after.eta = next;
                let (p, y) = advance(state.p(), state.y(), (eta, next), (0.7, 0.3), time);
                assert!((p - after.p()).abs() < 1e-13 && (y - after.y()).abs() < 1e-13, "{time:?}");
            }
        }
    }

    #[test]
    fn the_classical_rule_in_y_is_the_classical_rule() {
        let parameters = Parameters { a: 1.0, b: 0.5, nu: 0.0 };
        let tuner = Classical::new(0.05);
        for time in BOTH {
            let mut state = State::new(1.0, 1.9, 0.3, 0.0, 0.0);
            let (mut eta, mut p, y) = (1.0, state.p(), -0.1);
            for _ in 0..300 {
                let mut next = advance_4(&state, &parameters, time);
                next.eta = tuner.rate(&state, &next);
                let rate = classical_rate(p, y, eta, (1.0, 0.5), time);
                let (p_next, y_next) = advance(p, y, (eta, rate), (1.0, 0.5), time);
                assert!((rate / next.eta - 1.0).abs() < 1e-12, "{time:?}");
                assert!((y_next - y).abs() < 1e-14 && (p_next - next.p()).abs() < 1e-12);
                (state, eta, p) = (next, rate, p_next);
            }
        }
    }
}
