use super::*;
use crate::tuners::fixed::Fixed;

/// After a step of length 1 over which the gradient changed by `lipschitz`.
fn after(rate: f64, lipschitz: f64) -> Fixed {
    Fixed::new(-1.0, 1.0).after_change(rate, 1.0, 0.0, lipschitz * lipschitz)
}

#[test]
fn by_hand_2019() {
    let mut tuner = AdGd::new(0.01, Year::Y2019).unwrap();
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-1.0, 1.0)).unwrap(), 0.01);
    // 1 / (2 * 4), from then on theta = 12.5; 1 / (2 * 0.5) = 1 is more than sqrt(13.5) / 8 = 0.459...
    assert_eq!(tuner.learning_rate(&mut after(0.01, 4.0)).unwrap(), 0.125);
    let rate = tuner.learning_rate(&mut after(0.125, 0.5)).unwrap();
    assert!((rate - 13.5_f64.sqrt() / 8.0).abs() < 1e-15);
    // theta = sqrt(13.5); a gradient that does not change leaves the growth alone.
    let grown = tuner.learning_rate(&mut after(0.25, 0.0)).unwrap();
    assert!((grown - 0.25 * (1.0 + 13.5_f64.sqrt()).sqrt()).abs() < 1e-15);
    assert_eq!(tuner.events(), &Events::default());
}

#[test]
fn by_hand_2023() {
    let mut tuner = AdGd::new(0.01, Year::Y2023).unwrap();
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-1.0, 1.0)).unwrap(), 0.01);
    let first = tuner.learning_rate(&mut after(0.01, 2.0)).unwrap();
    assert!((first - 0.125_f64.sqrt()).abs() < 1e-15);
    // theta = 1/3: with L = 1 nothing but the growth bounds it, and that is 1; then sqrt(2/3 + 1).
    let second = tuner.learning_rate(&mut after(0.5, 1.0)).unwrap();
    assert!((second - 0.5).abs() < 1e-15);
    let third = tuner.learning_rate(&mut after(0.5, 1.0)).unwrap();
    assert!((third - 0.5 * (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    // With eta L = 1.5, 2 * 2.25 - 1 = 3.5.
    let fourth = tuner.learning_rate(&mut after(0.5, 3.0)).unwrap();
    assert!((fourth - 0.5 / 3.5_f64.sqrt()).abs() < 1e-15);
}

#[test]
fn what_is_unknown_keeps_the_rate() {
    let mut tuner = AdGd::new(0.01, Year::Y2019).unwrap();
    let mut still = Fixed::new(-1.0, 1.0).after_change(0.01, 0.0, 0.0, 0.0);
    assert_eq!(tuner.learning_rate(&mut still).unwrap(), 0.01);
    assert_eq!(tuner.learning_rate(&mut after(0.01, 0.0)).unwrap(), 0.01);
    assert_eq!(tuner.events().vanishing_denominator, 2);
}

#[test]
fn the_constant_is_that_of_the_change_over_the_step() {
    // |y| / |s| = 6 / 2 = 3, so half of a third; a rate of zero, or a step of none, tells nothing.
    let mut tuner = AdGd::new(0.01, Year::Y2019).unwrap();
    let mut line = Fixed::new(-1.0, 1.0).after_change(0.01, 4.0, 0.0, 36.0);
    assert!((tuner.learning_rate(&mut line).unwrap() - 1.0 / 6.0).abs() < 1e-15);
    let mut stopped = Fixed::new(-1.0, 1.0).after_change(0.0, 4.0, 0.0, 36.0);
    assert_eq!(tuner.learning_rate(&mut stopped).unwrap(), 0.0);
    let mut still = Fixed::new(-1.0, 1.0).after_change(0.01, 0.0, 0.0, 36.0);
    assert_eq!(tuner.learning_rate(&mut still).unwrap(), 0.01);
    assert_eq!(tuner.events().vanishing_denominator, 2);
}
