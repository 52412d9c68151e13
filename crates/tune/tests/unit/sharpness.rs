use super::*;
use crate::tuners::fixed::Fixed;

#[test]
fn by_hand() {
    let mut tuner = Sharpness::paper();
    let line = || Fixed::new(-1.0, 1.0);
    assert_eq!(tuner.learning_rate(&mut line().with_sharpness(12.0)).unwrap(), 0.25);
    assert_eq!(tuner.learning_rate(&mut line().with_sharpness(-12.0)).unwrap(), 0.0);
    assert_eq!(tuner.learning_rate(&mut line().with_sharpness(-12.0).after(0.3)).unwrap(), 0.3);
    assert_eq!(tuner.learning_rate(&mut line().with_sharpness(0.0).after(0.4)).unwrap(), 0.4);
    let unconverged = Fixed { converged: false, ..line().with_sharpness(6.0) };
    assert_eq!(tuner.learning_rate(&mut { unconverged }).unwrap(), 0.5);
    let events = Events { negative_curvature: 2, vanishing_denominator: 1, unconverged: 1, ..Events::default() };
    assert_eq!(tuner.events(), &events);
}
