use super::*;
use crate::tuners::fixed::Fixed;

fn wolfe(c2: f64, first: f64) -> Wolfe {
    Wolfe::new(WolfeOptions { c1: 1e-4, c2, first, cap: 8.0, max_tries: 20 }).unwrap()
}

#[test]
fn by_hand() {
    // phi = 1 - 4 eta + 2 eta^2 has its minimum at 1. From 4 the value is too high, and the parabola is exact.
    let line = || Fixed::new(-4.0, 4.0);
    assert!((wolfe(0.1, 4.0).learning_rate(&mut line()).unwrap() - 1.0).abs() < 1e-15);
    // From 1/8: slopes -3.5, -3, -2 at 1/8, 1/4, 1/2 are too steep for 0.25 * 4; at 1 it is 0.
    assert_eq!(wolfe(0.25, 0.125).learning_rate(&mut line()).unwrap(), 1.0);
    // With c2 = 0.9 the slope -3.5 at 1/8 will do.
    assert_eq!(wolfe(0.9, 0.125).learning_rate(&mut line()).unwrap(), 0.125);
    // At 1.75 the value 0.125 is low enough but the slope 3 > 2: zoom to the parabola's minimum on [0, 1.75].
    assert!((wolfe(0.5, 1.75).learning_rate(&mut line()).unwrap() - 1.0).abs() < 1e-15);
}

#[test]
fn starts_where_the_last_decrease_is_promised() {
    let mut tuner = wolfe(0.9, 0.125);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 4.0)).unwrap(), 0.125);
    // 0.125 * 4 / 1 = 0.5, and 1 - eta + 0.5 eta^2 has the slope -0.5 there.
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-1.0, 1.0)).unwrap(), 0.5);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(1.0, 1.0)).unwrap(), 0.0);
    assert_eq!(tuner.events(), &Events { non_descent: 1, ..Events::default() });
}

#[test]
fn limits() {
    // A line without curvature is followed to the cap.
    let mut tuner = wolfe(0.9, 1.0);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-1.0, 0.0)).unwrap(), 8.0);
    assert_eq!(tuner.events().capped, 1);
    // Beyond 0.3 the loss is NaN: 1 is too long, and so is the middle 0.5; 0.25 is flat enough for c2 = 0.9.
    let mut tuner = wolfe(0.9, 1.0);
    let mut line = Fixed { undefined_beyond: 0.3, ..Fixed::new(-4.0, 4.0) };
    assert_eq!(tuner.learning_rate(&mut line).unwrap(), 0.25);
    assert_eq!(tuner.events().non_finite, 2);
    // Nothing is finite: after 20 tries, each counted, no step.
    let mut line = Fixed { undefined_beyond: 0.0, ..Fixed::new(-4.0, 4.0) };
    assert_eq!(tuner.learning_rate(&mut line).unwrap(), 0.0);
    assert_eq!((tuner.events().gave_up, tuner.events().non_finite), (1, 22));
    // Low enough at 1, but without a slope there, which is too long; at the middle 0.5 the slope -2 is flat enough.
    let mut tuner = wolfe(0.9, 1.0);
    let mut line = Fixed { steep_beyond: 0.9, ..Fixed::new(-4.0, 4.0) };
    assert_eq!(tuner.learning_rate(&mut line).unwrap(), 0.5);
    assert_eq!(tuner.events(), &Events { non_finite: 1, ..Events::default() });
}

#[test]
fn doubles_until_its_tries_are_over() {
    let options = WolfeOptions { c1: 1e-4, c2: 0.9, first: 1.0, cap: 1e6, max_tries: 3 };
    let mut tuner = Wolfe::new(options).unwrap();
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-1.0, 0.0)).unwrap(), 4.0);
    assert_eq!(tuner.events(), &Events { gave_up: 1, ..Events::default() });
}

#[test]
fn the_first_try_is_the_last_decrease_over_the_slope() {
    let mut tuner = wolfe(0.9, 0.125);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 4.0)).unwrap(), 0.125);
    // No step, of which nothing is remembered.
    let mut nowhere = Fixed { undefined_beyond: 0.0, ..Fixed::new(-4.0, 4.0) };
    assert_eq!(tuner.learning_rate(&mut nowhere).unwrap(), 0.0);
    // 0.125 * 4 / 2, where the slope -1.75 is flat enough.
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-2.0, 1.0)).unwrap(), 0.25);
}
