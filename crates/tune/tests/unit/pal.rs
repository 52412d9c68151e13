use super::*;
use crate::tuners::fixed::Fixed;

#[test]
fn by_hand() {
    // On a parabola the approximation is exact: the minimum of 1 - 4 eta + 16 eta^2 is at 1/8, whatever |u| is.
    let line = |slope, curvature| Fixed { update_norm: 2.0, ..Fixed::new(slope, curvature) };
    let mut pal = Pal::new(0.5, 1.0, 1.0).unwrap();
    assert!((pal.learning_rate(&mut line(-4.0, 32.0)).unwrap() - 0.125).abs() < 1e-15);
    assert!((Pal::new(0.5, 1.5, 1.0).unwrap().learning_rate(&mut line(-4.0, 32.0)).unwrap() - 0.1875).abs() < 1e-15);
    // The step 4/2 * 2 is longer than 1, so eta is 1 / 2; on a concave line it has the length 0.5.
    assert_eq!(pal.learning_rate(&mut line(-4.0, 2.0)).unwrap(), 0.5);
    assert_eq!(pal.learning_rate(&mut line(-4.0, -2.0)).unwrap(), 0.25);
    assert_eq!(pal.learning_rate(&mut line(4.0, 2.0)).unwrap(), 0.0);
    // Not at 0.25 and 0.125, but at 0.0625, which tells the same parabola.
    let mut undefined = Fixed { undefined_beyond: 0.1, ..line(-4.0, 32.0) };
    assert!((pal.learning_rate(&mut undefined).unwrap() - 0.125).abs() < 1e-15);
    let mut nowhere = Fixed { undefined_beyond: 0.0, ..line(-4.0, 2.0) };
    assert_eq!(pal.learning_rate(&mut nowhere).unwrap(), 0.0);
    let events =
        Events { capped: 1, negative_curvature: 1, non_descent: 1, non_finite: 22, gave_up: 1, ..Events::default() };
    assert_eq!(pal.events(), &events);
}

#[test]
fn a_straight_line_is_followed_for_the_measure() {
    let mut tuner = Pal::new(0.125, 1.0, 3.6).unwrap();
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-1.0, 0.0)).unwrap(), 0.125);
    assert_eq!(tuner.events(), &Events { negative_curvature: 1, ..Events::default() });
}
