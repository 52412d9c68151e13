use super::*;
use crate::tuners::fixed::Fixed;

#[test]
fn by_hand() {
    let mut tuner = Dowg::new(0.5).unwrap();
    let line = |update_norm, distance| Fixed { update_norm, distance, ..Fixed::new(-1.0, 1.0) };
    // v = (0.5 * 6)^2 = 9; then r = 2 and v = 9 + (2 * 2)^2 = 25; then v = 25 + (2 * 6)^2 = 169.
    assert_eq!(tuner.learning_rate(&mut line(6.0, 0.0)).unwrap(), 0.25 / 3.0);
    assert_eq!(tuner.learning_rate(&mut line(2.0, 2.0)).unwrap(), 4.0 / 5.0);
    assert_eq!(tuner.learning_rate(&mut line(6.0, 1.0)).unwrap(), 4.0 / 13.0);
    // A loss of 1 at first: at 2 the distance 3 counts, at 2.5 the distance 9 does not.
    let mut tuner = Dowg::new(0.5).unwrap();
    let at = |loss, distance| Fixed { loss, ..line(0.0, distance) };
    for (loss, distance, farthest) in [(1.0, 0.0, 0.5), (2.0, 3.0, 3.0), (2.5, 9.0, 3.0), (1.5, 4.0, 4.0)] {
        tuner.learning_rate(&mut at(loss, distance)).unwrap();
        assert_eq!(tuner.distance, farthest);
    }
    assert_eq!(tuner.events().capped, 1);
    // 1/4 over 3 + 2.
    let mut tuner = Dowg::new(0.5).unwrap().with_eps(2.0).unwrap();
    assert_eq!(tuner.learning_rate(&mut line(6.0, 0.0)).unwrap(), 0.05);
    let mut still = Dowg::new(0.5).unwrap();
    assert_eq!(still.learning_rate(&mut line(0.0, 0.0)).unwrap(), 0.0);
    assert_eq!(still.events().vanishing_denominator, 1);
}
