use super::*;
use crate::tuners::fixed::Fixed;

fn armijo(c: f64, c_plus: f64, delta: f64, max_tries: Option<usize>) -> Armijo {
    Armijo::new(ArmijoOptions { c, c_plus, c_minus: 0.5, delta, max_tries }).unwrap()
}

#[test]
fn by_hand() {
    // f(eta) = 1 - 4 eta + 16 eta^2 meets f <= 1 - 4 c eta for eta <= (1 - c) / 4.
    let line = || Fixed::new(-4.0, 32.0);
    assert_eq!(armijo(0.5, 4.0, 0.0, None).learning_rate(&mut line()).unwrap(), 0.125);
    assert_eq!(armijo(0.0, 4.0, 0.0, None).learning_rate(&mut line()).unwrap(), 0.25);
    // From min(4 * 0.05, 1): 0.2, 0.1; from an infinite multiple: 1, 0.5, 0.25, 0.125.
    assert_eq!(armijo(0.5, 4.0, 0.0, None).learning_rate(&mut line().after(0.05)).unwrap(), 0.1);
    assert_eq!(armijo(0.5, f64::INFINITY, 0.0, None).learning_rate(&mut line().after(0.05)).unwrap(), 0.125);
    // With delta = 8, f(0.5) = 3 is allowed and so is nothing longer.
    assert_eq!(armijo(0.0, 4.0, 8.0, None).learning_rate(&mut line()).unwrap(), 0.5);
}

#[test]
fn gives_up() {
    let mut limited = armijo(0.5, 4.0, 0.0, Some(3));
    assert_eq!(limited.learning_rate(&mut Fixed::new(-4.0, 32.0)).unwrap(), 0.0);
    assert_eq!(limited.events().gave_up, 1);
    // There was no step yet, so it starts at 1 again; the next time from 4 * 0.125.
    assert_eq!(limited.learning_rate(&mut Fixed::new(-4.0, 32.0 / 4.0).after(0.0)).unwrap(), 0.5);
    let mut tuner = armijo(0.5, 4.0, 0.0, Some(4));
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 32.0)).unwrap(), 0.125);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(4.0, 1.0).after(0.125)).unwrap(), 0.0);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 1e9).after(0.0)).unwrap(), 0.0);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 0.0).after(0.0)).unwrap(), 0.5);
    assert_eq!(tuner.events(), &Events { gave_up: 1, non_descent: 1, ..Events::default() });
}

#[test]
fn a_search_that_ends_in_rounding_is_followed_by_one_from_1() {
    let mut tuner = armijo(0.5, 4.0, 0.0, None);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 3.2e7)).unwrap(), 0.5_f64.powi(23));
    // Four times that changes nothing of the loss 1, to first order by 5e-17 and by its value.
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-1e-10, 0.0).after(0.5_f64.powi(23))).unwrap(), 0.0);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-1e-10, 0.0).after(0.0)).unwrap(), 1.0);
    assert_eq!(tuner.events(), &Events { gave_up: 1, ..Events::default() });
}

#[test]
fn rejects_what_is_not_finite() {
    let mut tuner = armijo(0.5, 4.0, 0.0, None);
    // Beyond 0.3 the loss is NaN: 1 and 0.5 are rejected for that, 0.25 for its value.
    let mut line = Fixed { undefined_beyond: 0.3, ..Fixed::new(-4.0, 32.0) };
    assert_eq!(tuner.learning_rate(&mut line).unwrap(), 0.125);
    assert_eq!(tuner.events().non_finite, 2);
}
