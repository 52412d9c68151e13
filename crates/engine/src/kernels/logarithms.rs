//! Logarithms and their inverses near zero in single precision, without branches, so that loops over them are compiled to vectors. Each is within 3 units
//! in the last place.

use std::f32::consts::{LN_2, SQRT_2};

/// The logarithm: of `2^k m` with `m` in `[sqrt(1/2), sqrt(2))`, `k ln 2 + ln m`, the latter as a series in `(m - 1)/(m + 1)`.
///
/// Source: the method of the C libraries, W. Kahan and K.C. Ng's as in fdlibm's `logf`, with its minimax coefficients.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    const LOW: f32 = 9.058_001e-6;
    const HIGH: f32 = LN_2 - LOW;
    const SERIES: [f32; 4] = [0.666_666_6, 0.400_009_7, 0.284_987_87, 0.242_790_79];
    const SMALL: f32 = (1 << 25) as f32;
    // Numbers below the normal ones have fewer digits than the method takes.
    let small = x < f32::MIN_POSITIVE;
    let scaled = if small { x * SMALL } else { x };
    let lowest = (SQRT_2 / 2.0).to_bits();
    let bits = scaled.to_bits().wrapping_sub(lowest);
    let k = (bits as i32 >> 23) - if small { 25 } else { 0 };
    let f = f32::from_bits((bits & 0x007f_ffff) + lowest) - 1.0;
    let (s, k) = (f / (2.0 + f), k as f32);
    let z = s * s;
    let w = z * z;
    let rest = z * (SERIES[0] + w * SERIES[2]) + w * (SERIES[1] + w * SERIES[3]);
    let half = 0.5 * f * f;
    let found = s * (half + rest) + k * LOW - half + f + k * HIGH;
    // Zero, negative numbers, and those that are their own logarithm.
    let found = if x < f32::INFINITY { found } else { x };
    let found = if x == 0.0 { f32::NEG_INFINITY } else { found };
    if x < 0.0 { f32::NAN } else { found }
}

/// ln(1 + x): the logarithm of what 1 + x is rounded to, times what the rounding took away.
#[inline(always)]
pub fn ln_1p(x: f32) -> f32 {
    let sum = 1.0 + x;
    let near = if sum == 1.0 { x } else { ln(sum) * (x / (sum - 1.0)) };
    if sum < f32::INFINITY { near } else { sum }
}

/// e^x - 1 from x and e^x, the latter within some roundings.
#[inline(always)]
pub fn exp_m1(x: f32, exp: f32) -> f32 {
    let near = if exp == 1.0 { x } else { (exp - 1.0) * (x / ln(exp)) };
    // Where e^x is nothing beside 1, or all.
    let near = if exp < f32::EPSILON / 4.0 { -1.0 } else { near };
    if exp < f32::INFINITY { near } else { exp }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That `got` is `expected` to 3 units in the last place.
    fn check(what: &str, x: f32, got: f32, expected: f64) {
        let unit = f64::from(f32::EPSILON) * expected.abs().max(f64::from(f32::MIN_POSITIVE));
        let same = (f64::from(got) - expected).abs() <= 3.0 * unit;
        assert!(
            same || f64::from(got) == expected || (got.is_nan() && expected.is_nan()),
            "{what}({x:e}) = {got:e}, not {expected:e}"
        );
    }

    /// Numbers of all magnitudes and signs, with those that need care.
    fn numbers() -> impl Iterator<Item = f32> {
        let special = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            -1.5,
            1e-45,
            -1e-45,
            f32::MIN_POSITIVE,
            f32::MAX,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
        ];
        let spread = (0..u32::MAX).step_by(9973).map(f32::from_bits);
        let near = (-4000..4000).map(|i| 1.0 + i as f32 * 1e-6);
        special.into_iter().chain(spread).chain(near)
    }

    #[test]
    fn logarithms_are_right_to_rounding() {
        for x in numbers() {
            check("ln", x, ln(x), f64::from(x).ln());
            check("ln_1p", x, ln_1p(x), f64::from(x).ln_1p());
            check("ln_1p", x - 1.0, ln_1p(x - 1.0), f64::from(x - 1.0).ln_1p());
        }
    }

    #[test]
    fn exponentials_less_one_are_right_to_rounding() {
        for x in numbers() {
            let expected = f64::from(x).exp_m1();
            // What single precision cannot hold.
            let expected = if expected > f64::from(f32::MAX) { f64::INFINITY } else { expected };
            check("exp_m1", x, exp_m1(x, f64::from(x).exp() as f32), expected);
        }
    }
}
