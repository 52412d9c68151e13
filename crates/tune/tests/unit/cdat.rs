use super::*;
use crate::tuners::fixed::Fixed;

#[test]
fn by_hand() {
    let mut cdat = Cdat::paper();
    assert_eq!(cdat.learning_rate(&mut Fixed::new(-3.0, 4.0)).unwrap(), 1.5);
    assert_eq!(cdat.learning_rate(&mut Fixed::new(-3.0, -4.0)).unwrap(), 1.5);
    assert_eq!(cdat.learning_rate(&mut Fixed::new(3.0, 4.0)).unwrap(), 0.0);
    assert_eq!(cdat.learning_rate(&mut Fixed::new(-3.0, 0.0).after(0.2)).unwrap(), 0.2);
    let events = Events { non_descent: 1, negative_curvature: 1, vanishing_denominator: 1, ..Events::default() };
    assert_eq!(cdat.events(), &events);
}

#[test]
fn averages_by_hand() {
    let mut cdat = Cdat::new(2.0, 0.5, 0.75, f64::INFINITY).unwrap();
    // n = 3/4, d = (3.5 + 0.5)/4; then n = 9/16 + 5/4 = 29/16, d = 3/4 + 2/4; then n = 87/64, d = 15/16 + 1/8
    assert!((cdat.learning_rate(&mut Fixed::new(-3.0, 3.5)).unwrap() - 1.5).abs() < 1e-15);
    assert!((cdat.learning_rate(&mut Fixed::new(-5.0, 1.5)).unwrap() - 2.9).abs() < 1e-15);
    assert!((cdat.learning_rate(&mut Fixed::new(1.0, 0.0)).unwrap() - 174.0 / 68.0).abs() < 1e-15);
}

#[test]
fn measures_every_so_many_steps() {
    let mut cdat = Cdat::new(2.0, 0.5, 0.5, f64::INFINITY).unwrap().measuring_every(2).unwrap();
    let mut ask = |step, slope, curvature, update_norm| {
        let mut line = Fixed { step, update_norm, ..Fixed::new(slope, curvature) };
        cdat.learning_rate(&mut line).unwrap()
    };
    // n = 1/2 and d = (7.5 + 0.5) / 2 = 4; C = 7.5 / 2 and U = 4 / 2.
    assert_eq!(ask(0, -1.0, 7.5, 2.0), 0.25);
    // Not measured: 1 * 3.75 / 2 + 0.5 = 2.375; n = 1/4 + 3/2, d = 2 + 1.1875.
    assert_eq!(ask(1, -3.0, f64::NAN, 1.0), 3.5 / 3.1875);
    // Measured: n = 1.75 / 2 + 1/2 = 1.375, d = 1.59375 + (3.5 + 0.5) / 2; C = 3.625 and U = 1 + 1/2.
    assert_eq!(ask(2, -1.0, 3.5, 1.0), 2.75 / 3.59375);
    // 36 * 3.625 / 1.5 + 0.5 = 87.5; n = 0.6875 + 1, d = 1.796875 + 43.75.
    assert!((ask(3, -2.0, f64::NAN, 6.0) - 3.375 / 45.546875).abs() < 1e-15);
}

#[test]
fn follows_sigma() {
    let mut cdat = Cdat::paper().with_sigma(Sigma::constant(2.0).unwrap().starting_at(1.0, 2).unwrap());
    let rates = [0, 1, 2, 3].map(|step| {
        let mut line = Fixed { step, ..Fixed::new(-3.0, 6.0) };
        cdat.learning_rate(&mut line).unwrap()
    });
    assert_eq!(rates, [0.5, 0.75, 1.0, 1.0]);
}

#[test]
fn caps() {
    let mut cdat = Cdat::new(2.0, 0.0, 0.0, 1.0).unwrap();
    assert_eq!(cdat.learning_rate(&mut Fixed::new(-3.0, 4.0)).unwrap(), 1.0);
    assert_eq!(cdat.events().capped, 1);
}

#[test]
fn an_error_of_zero_measures_at_every_step() {
    let mut measured = Cdat::new(2.0, 0.5, 0.9, f64::INFINITY).unwrap();
    let mut amortised = measured.clone().amortised(0.0).unwrap();
    for step in 0..200 {
        let line = || {
            let curvature = 3.0 + f64::sin(step as f64);
            Fixed { step, update_norm: 1.5, ..Fixed::new(-1.0 - 0.01 * step as f64, curvature) }
        };
        assert!(amortised.expects_curvature(step));
        assert_eq!(amortised.learning_rate(&mut line()).unwrap(), measured.learning_rate(&mut line()).unwrap());
    }
    assert_eq!(amortised.events().predicted, 0);
}
