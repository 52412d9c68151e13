use super::*;
use crate::tuners::fixed::Fixed;

#[test]
fn by_hand() {
    let mut tuner = Hypergradient::new(0.5, 0.25).unwrap();
    let line = || Fixed::new(-1.0, 1.0);
    assert_eq!(tuner.learning_rate(&mut line()).unwrap(), 0.5);
    assert_eq!(tuner.learning_rate(&mut line().after(0.5).with_cosine(-1.0)).unwrap(), 0.625);
    assert_eq!(tuner.learning_rate(&mut line().after(2.0).with_cosine(0.5)).unwrap(), 1.75);
}
