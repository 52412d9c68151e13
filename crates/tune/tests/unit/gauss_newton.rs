use super::*;
use crate::tuners::fixed::Fixed;

fn line(slope: f64, gauss_newton: f64) -> Fixed {
    // u.Hu is not asked for.
    Fixed { gauss_newton, ..Fixed::new(slope, f64::NAN) }
}

#[test]
fn by_hand() {
    let mut tuner = GaussNewton::on_edge();
    assert_eq!(tuner.learning_rate(&mut line(-3.0, 8.0)).unwrap(), 0.75);
    assert_eq!(tuner.learning_rate(&mut line(3.0, 8.0)).unwrap(), 0.0);
    assert_eq!(tuner.learning_rate(&mut line(-3.0, -8.0)).unwrap(), 0.75);
    assert_eq!(tuner.learning_rate(&mut line(-3.0, 0.0).after(0.4)).unwrap(), 0.4);
    let mut capped = GaussNewton::new(1.0, 0.0, 0.25).unwrap();
    assert_eq!(capped.learning_rate(&mut line(-3.0, 6.0)).unwrap(), 0.25);
    let events = Events { non_descent: 1, negative_curvature: 1, vanishing_denominator: 1, ..Events::default() };
    assert_eq!((tuner.events(), capped.events().capped), (&events, 1));
}

#[test]
fn averages_start_at_zero_and_their_bias_cancels() {
    let mut tuner = GaussNewton::new(1.0, 0.5, f64::INFINITY).unwrap();
    assert_eq!(tuner.learning_rate(&mut line(-3.0, 6.0)).unwrap(), 0.5);
    // n = 0.5 * 1.5 + 0.5 * 1, d = 0.5 * 3 + 0.5 * 10
    assert!((tuner.learning_rate(&mut line(-1.0, 10.0)).unwrap() - 1.25 / 6.5).abs() < 1e-15);
}

#[test]
fn between_measurements_the_curvature_is_as_it_was_along_a_unit_vector() {
    let mut tuner = GaussNewton::on_edge().measuring_every(2).unwrap();
    let first = Fixed { update_norm: 2.0, ..line(-4.0, 12.0) };
    assert_eq!(tuner.learning_rate(&mut { first }).unwrap(), 2.0 * 4.0 / 12.0);
    // 12 / 4 along a unit vector, times 9; what the line would say now is not asked.
    let second = Fixed { update_norm: 3.0, ..line(-5.0, f64::NAN).after(0.1) };
    assert_eq!(tuner.learning_rate(&mut { second }).unwrap(), 2.0 * 5.0 / 27.0);
}
