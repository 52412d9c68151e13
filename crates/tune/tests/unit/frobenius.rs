use super::*;
use crate::tuners::fixed::Fixed;

fn line(square: f64, sharpness: f64) -> Fixed {
    Fixed { over_signs: [f64::NAN, square], ..Fixed::new(f64::NAN, f64::NAN).with_sharpness(sharpness) }
}

#[test]
fn starts_on_the_edge_and_follows_the_norm() {
    let mut tuner = Frobenius::new(OverSignsOptions { beta: 0.5, every: 1, ..OverSignsOptions::USUAL }).unwrap();
    // 2 / 8; the ratio is 10 / 8.
    assert_eq!(tuner.learning_rate(&mut line(100.0, 8.0)).unwrap(), 0.25);
    // The squares are averaged: (0.25 * 100 + 0.5 * 550) / 0.75 = 400, a norm of 20.
    assert!((tuner.learning_rate(&mut line(550.0, f64::NAN).after(0.25)).unwrap() - 0.125).abs() < 1e-15);
    assert_eq!(tuner.events(), &Events::default());
}

#[test]
fn with_the_ratio_1_it_is_sigma_over_the_norm() {
    let options = OverSignsOptions { sigma: 3.0, ratio: Some(1.0), ..OverSignsOptions::USUAL };
    assert_eq!(Frobenius::new(options).unwrap().learning_rate(&mut line(36.0, f64::NAN)).unwrap(), 0.5);
    let mut flat = Frobenius::new(options).unwrap();
    assert_eq!(flat.learning_rate(&mut line(0.0, f64::NAN).after(0.3)).unwrap(), 0.3);
    assert_eq!(flat.events().vanishing_denominator, 1);
}
