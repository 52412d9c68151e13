use super::*;
use crate::tuners::fixed::Fixed;

#[test]
fn by_hand() {
    let mut tuner = Dog::new(0.5).unwrap();
    let line = |update_norm, distance| Fixed { update_norm, distance, parameter_norm: 7.0, ..Fixed::new(-1.0, 1.0) };
    // The first distance is 0.5 * 8 = 4, and no update is known.
    assert_eq!(tuner.learning_rate(&mut line(0.0, 0.0)).unwrap(), 0.0);
    assert_eq!(tuner.events().vanishing_denominator, 1);
    // 4 / 3, then 6 / sqrt(9 + 16), and a shorter distance changes nothing: 6 / sqrt(25 + 144).
    assert_eq!(tuner.learning_rate(&mut line(3.0, 0.5)).unwrap(), 4.0 / 3.0);
    assert_eq!(tuner.learning_rate(&mut line(4.0, 6.0)).unwrap(), 6.0 / 5.0);
    assert_eq!(tuner.learning_rate(&mut line(12.0, 5.0)).unwrap(), 6.0 / 13.0);
    // 4 / sqrt(9 + 7); and no rate from eps alone.
    let mut tuner = Dog::new(0.5).unwrap().with_eps(7.0).unwrap();
    assert_eq!(tuner.learning_rate(&mut line(0.0, 0.0)).unwrap(), 0.0);
    assert_eq!(tuner.learning_rate(&mut line(3.0, 0.5)).unwrap(), 1.0);
}
