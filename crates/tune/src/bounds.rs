use onedge_registry::{Error as SettingError, Value};

/// What a number must be, in words and as a check: one rule for a constructor's argument and for the spec's setting,
/// which is given to the constructor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    expected: &'static str,
    holds: fn(f64) -> bool,
}

impl Bounds {
    /// `holds` in the words `expected`.
    pub(crate) const fn new(expected: &'static str, holds: fn(f64) -> bool) -> Self {
        Self { expected, holds }
    }

    /// `number`, if it is one of these; `owner` and `key` name it in the error.
    pub(crate) fn check(self, owner: &str, key: &str, number: f64) -> Result<f64, SettingError> {
        if (self.holds)(number) { Ok(number) } else { Err(refused(owner, key, self.expected, Value::Number(number))) }
    }
}

/// The error of a value that is not as `expected`.
pub(crate) fn refused(owner: &str, key: &str, expected: &str, got: Value) -> SettingError {
    let (owner, key, expected) = (owner.to_owned(), key.to_owned(), expected.to_owned());
    SettingError::OutOfRange { owner, key, expected, got: got.to_string() }
}

/// What a constructor's own constants are expected to be.
pub(crate) const IN_RANGE: &str = "constants in their ranges";

/// `count`, if it is 1 or more.
pub(crate) fn from_one(owner: &str, key: &str, count: u64) -> Result<u64, SettingError> {
    match count {
        0 => Err(refused(owner, key, "a whole number, 1 or more", Value::Integer(0))),
        _ => Ok(count),
    }
}

/// A decay of an average.
pub(crate) const DECAY_RATE: Bounds = Bounds::new("a number in [0, 1)", |x| (0.0..1.0).contains(&x));

/// What is added to a divisor, so that a preconditioner stays positive.
pub(crate) const EPS: Bounds =
    Bounds::new("a positive number, large enough for single precision", |x| x as f32 > 0.0 && x.is_finite());

/// A rate, a size, a distance.
pub(crate) const POSITIVE: Bounds = Bounds::new("a positive finite number", |x| x > 0.0 && x.is_finite());

/// A weight of what may be left out.
pub(crate) const FROM_ZERO: Bounds = Bounds::new("a finite number, 0 or more", |x| x >= 0.0 && x.is_finite());

/// A learning rate, which may stand still.
pub(crate) const RATE: Bounds = Bounds::new("a finite number, zero or more", |x| x >= 0.0 && x.is_finite());

/// What a rate is multiplied by, again and again.
pub(crate) const FACTOR: Bounds = Bounds::new("a number in (0, 1]", |x| x > 0.0 && x <= 1.0);

/// The share of the linear decrease that a linesearch asks for.
pub(crate) const DECREASE: Bounds = DECAY_RATE;

/// A part of a whole, neither nothing nor all.
pub(crate) const SHARE: Bounds = Bounds::new("a number in (0, 1)", |x| x > 0.0 && x < 1.0);

/// A largest rate or length.
pub(crate) const CAP: Bounds = Bounds::new("a positive number, inf for none", |x| x > 0.0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_who_refuses_what() {
        assert_eq!(FROM_ZERO.check("adamw", "decay", 0.0).unwrap(), 0.0);
        let message = FROM_ZERO.check("adamw", "decay", -0.5).unwrap_err().to_string();
        assert_eq!(message, "adamw.decay: expected a finite number, 0 or more, got -0.5");
    }

    #[test]
    fn counts_begin_with_one() {
        assert_eq!(from_one("step", "period", 1).unwrap(), 1);
        let message = from_one("step", "period", 0).unwrap_err().to_string();
        assert_eq!(message, "step.period: expected a whole number, 1 or more, got 0");
    }

    /// The ends of every range, and what is no number.
    #[test]
    fn have_their_ends() {
        let least = f64::MIN_POSITIVE;
        let cases: [(Bounds, &[f64], &[f64]); 8] = [
            (DECAY_RATE, &[0.0, 0.5, 1.0 - f64::EPSILON], &[-least, 1.0, 2.0]),
            (EPS, &[1e-30, 1.0, 1e24], &[0.0, -1.0, 1e-60, f64::INFINITY]),
            (POSITIVE, &[least, 7.0, f64::MAX], &[0.0, -least, f64::INFINITY]),
            (FROM_ZERO, &[0.0, least, f64::MAX], &[-least, f64::INFINITY]),
            (RATE, &[0.0, least, f64::MAX], &[-least, f64::INFINITY]),
            (FACTOR, &[least, 0.5, 1.0], &[0.0, -least, 1.0 + f64::EPSILON]),
            (SHARE, &[least, 0.5, 1.0 - f64::EPSILON], &[0.0, -least, 1.0]),
            (CAP, &[least, 7.0, f64::INFINITY], &[0.0, -least]),
        ];
        for (bounds, inside, outside) in cases {
            assert!(inside.iter().all(|&x| bounds.check("a", "b", x).is_ok()), "{bounds:?}");
            let refused = |x: f64| bounds.check("a", "b", x).is_err();
            assert!(outside.iter().chain(&[f64::NAN, f64::NEG_INFINITY]).all(|&x| refused(x)), "{bounds:?}");
        }
    }
}
