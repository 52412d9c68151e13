use super::*;
use crate::tuners::fixed::Fixed;

fn sls(batches: u64) -> Sls {
    Sls::new(SlsOptions { c: 0.5, backtrack: 0.5, growth: 4.0, batches, first: None, cap: 1.0 }).unwrap()
}

#[test]
fn by_hand() {
    // f(eta) = 1 - 4 eta + 16 eta^2 meets the condition for eta <= (1 - c) / 4 = 0.125: 1, 0.5, 0.25, 0.125.
    let mut tuner = sls(2);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 32.0)).unwrap(), 0.125);
    // Two batches an epoch: the next search starts at 0.125 * 4^(1/2). Of 1 - 4 eta + 2 eta^2 it takes eta <= 1.
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 4.0)).unwrap(), 0.25);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 4.0)).unwrap(), 0.5);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(4.0, 4.0)).unwrap(), 0.0);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 4.0)).unwrap(), 1.0);
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 4.0)).unwrap(), 1.0);
    assert_eq!(tuner.events(), &Events { non_descent: 1, ..Events::default() });
}

#[test]
fn rejects_and_gives_up() {
    let mut tuner = sls(1);
    let mut line = Fixed { undefined_beyond: 0.3, ..Fixed::new(-4.0, 32.0) };
    assert_eq!(tuner.learning_rate(&mut line).unwrap(), 0.125);
    assert_eq!(tuner.events().non_finite, 2);
    let mut hopeless = Fixed { undefined_beyond: 0.0, ..Fixed::new(-4.0, 32.0) };
    assert_eq!(tuner.learning_rate(&mut hopeless).unwrap(), 1e-6);
    assert_eq!((tuner.events().non_finite, tuner.events().gave_up), (102, 1));
    // From 4 * 0.125 on, as after the search that found 0.125.
    assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 4.0)).unwrap(), 0.5);
}

#[test]
fn asks_for_a_share_of_the_linear_decrease() {
    // 1 - 2 eta + 0.375 eta^2 is -1 at 4, where 1 - 0.5 * 8 is asked for, and -1.5 at 2, where -1 is.
    let options = SlsOptions { c: 0.5, backtrack: 0.5, growth: 1.0, batches: 1, first: None, cap: 4.0 };
    assert_eq!(Sls::new(options).unwrap().learning_rate(&mut Fixed::new(-2.0, 0.75)).unwrap(), 2.0);
}

/// After a step that moves nothing the next search starts from the first rate, or 1: without a cap it would start from infinity.
#[test]
fn a_rate_that_moves_nothing_is_followed_by_a_search_from_the_first() {
    for first in [None, Some(1.0), Some(1e-20)] {
        let cap = if first.is_some() { f64::INFINITY } else { 1.0 };
        let options = SlsOptions { c: 0.5, backtrack: 0.5, growth: 4.0, batches: 1, first, cap };
        let mut tuner = Sls::new(options).unwrap();
        assert_eq!(tuner.learning_rate(&mut Fixed::new(-1e-30, 0.0)).unwrap(), 1e-6);
        assert_eq!((tuner.events().gave_up, tuner.events().non_finite), (1, 0));
        // Of 1 - 4 eta + 2 eta^2 it takes eta <= 1.
        assert_eq!(tuner.learning_rate(&mut Fixed::new(-4.0, 4.0)).unwrap(), 1.0, "{first:?}");
    }
}
