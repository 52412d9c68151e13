//! What equation (4) does near its resting point `p = a/b`, `y = 0` at a constant rate: it turns round it.
//!
//! With `d = p b/a - 1` small, `d+ = d + 2y` and `y+ = y - c d`, `c = a eta^2`, of eigenvalues `1 +- i sqrt(2c)`:
//! an unstable spiral. Semi-implicit, `y+ = y - c d+`: eigenvalues of modulus 1, a centre.
//!
//! Source: our own algebra, from Roulet et al. 2024, arXiv 2407.06183, equation 5.

use crate::Time;

/// By how much each step takes the model away from its resting point: `sqrt(1 + 2 a eta^2)`; semi-implicit 1.
///
/// Semi-implicit it is 1 as long as `a eta^2 < 2`, which is beyond all uses of the model.
pub fn modulus(a: f64, eta: f64, time: Time) -> f64 {
    match time {
        Time::Printed => (1.0 + 2.0 * a * eta * eta).sqrt(),
        Time::SemiImplicit => 1.0,
    }
}

/// How many steps one turn takes.
pub fn period(a: f64, eta: f64, time: Time) -> f64 {
    let c = a * eta * eta;
    let angle = match time {
        Time::Printed => (2.0 * c).sqrt().atan(),
        Time::SemiImplicit => (1.0 - c).acos(),
    };
    std::f64::consts::TAU / angle
}

/// What a semi-implicit orbit nearly keeps, far from the resting point too: the sum of a part of `p` and a part of `y`,
/// both convex, with their minimum 0 at rest. So both stay bounded.
///
/// `c (r - 1 - ln r) + 2 ((1 + y) ln(1 + y) - y)` with `r = p b/a`; NaN for `y < -1`.
pub fn energy(p: f64, y: f64, (a, b): (f64, f64), eta: f64) -> f64 {
    let (c, r) = (a * eta * eta, p * b / a);
    c * (r - 1.0 - r.ln()) + 2.0 * ((1.0 + y) * y.ln_1p() - y)
}
