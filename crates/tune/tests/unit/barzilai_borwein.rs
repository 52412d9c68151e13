use super::*;
use crate::tuners::fixed::Fixed;

fn line() -> Fixed {
    Fixed::new(-1.0, 1.0)
}

#[test]
fn by_hand() {
    // H = diag(1, 3) and s = (2, 2): y = (2, 6), so that s.s = 8, s.y = 16, y.y = 40.
    for (variant, expected) in [(Variant::Long, 0.5), (Variant::Short, 0.4)] {
        let mut tuner = BarzilaiBorwein::new(0.25, variant, 0.0, f64::INFINITY).unwrap();
        assert_eq!(tuner.learning_rate(&mut line()).unwrap(), 0.25);
        let rate = tuner.learning_rate(&mut line().after_change(0.25, 8.0, 16.0, 40.0)).unwrap();
        assert!((rate - expected).abs() < 1e-15);
        assert_eq!(tuner.events(), &Events::default());
    }
}

#[test]
fn safeguards() {
    let mut tuner = BarzilaiBorwein::new(0.25, Variant::Long, 0.125, 1.0).unwrap();
    assert_eq!(tuner.learning_rate(&mut line().after_change(0.25, 8.0, -16.0, 40.0)).unwrap(), 0.25);
    assert_eq!(tuner.learning_rate(&mut line().after_change(0.5, 8.0, 0.0, 40.0)).unwrap(), 0.5);
    assert_eq!(tuner.learning_rate(&mut line().after_change(0.5, 8.0, 4.0, 40.0)).unwrap(), 1.0);
    assert_eq!(tuner.learning_rate(&mut line().after_change(0.5, 8.0, 400.0, 40.0)).unwrap(), 0.125);
    // From the floor it begins anew.
    assert_eq!(tuner.learning_rate(&mut line().after_change(0.125, 8.0, -16.0, 40.0)).unwrap(), 0.25);
    assert_eq!(tuner.learning_rate(&mut line().after_change(0.0, 0.0, 0.0, 0.0)).unwrap(), 0.25);
    let events = Events { negative_curvature: 2, vanishing_denominator: 2, capped: 1, floored: 1, ..Events::default() };
    assert_eq!(tuner.events(), &events);
}

#[test]
fn a_gradient_that_turned_by_a_right_angle_tells_nothing() {
    for variant in [Variant::Long, Variant::Short] {
        let mut tuner = BarzilaiBorwein::new(0.5, variant, 1e-10, 1e10).unwrap();
        let rate = tuner.learning_rate(&mut line().after_change(0.25, 1.0, 0.0, 4.0)).unwrap();
        assert_eq!((rate, tuner.events().vanishing_denominator, tuner.events().floored), (0.25, 1, 0));
    }
}
