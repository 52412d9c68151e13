use super::*;
use crate::tuners::fixed::Fixed;

#[test]
fn by_hand() {
    let mut polyak = Polyak::new(1.0, 0.5).unwrap();
    let line = |loss, gradient_norm| Fixed { loss, gradient_norm, ..Fixed::new(-1.0, 1.0) };
    assert_eq!(polyak.learning_rate(&mut line(2.0, 2.0)).unwrap(), 0.25);
    assert_eq!(polyak.learning_rate(&mut line(9.0, 2.0)).unwrap(), 0.5);
    assert_eq!(polyak.learning_rate(&mut line(0.5, 2.0)).unwrap(), 0.0);
    assert_eq!(polyak.learning_rate(&mut line(2.0, 0.0).after(0.125)).unwrap(), 0.125);
    let events = Events { capped: 1, below_floor: 1, vanishing_denominator: 1, ..Events::default() };
    assert_eq!(polyak.events(), &events);
}
