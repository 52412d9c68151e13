use super::*;
use crate::tuners::fixed::Fixed;

fn line(trace: f64, sharpness: f64) -> Fixed {
    Fixed { over_signs: [trace, f64::NAN], ..Fixed::new(f64::NAN, f64::NAN).with_sharpness(sharpness) }
}

fn at(step: u64, line: Fixed) -> Fixed {
    Fixed { step, previous: Some(0.125), ..line }
}

const EXACT: OverSignsOptions = OverSignsOptions { beta: 0.0, every: 1, ..OverSignsOptions::USUAL };

#[test]
fn starts_on_the_edge_and_follows_the_trace() {
    let mut tuner = Trace::new(EXACT).unwrap();
    let mut first = line(20.0, 8.0);
    // 2 / 8, as the ratio is 20 / 8; of 64 vectors.
    assert_eq!((tuner.learning_rate(&mut first).unwrap(), first.samples), (0.25, 64));
    let mut second = at(1, line(40.0, f64::NAN));
    assert_eq!((tuner.learning_rate(&mut second).unwrap(), second.samples), (0.125, 4));
    assert_eq!(tuner.learning_rate(&mut at(2, line(-10.0, f64::NAN))).unwrap(), 0.5);
    assert_eq!(tuner.learning_rate(&mut at(3, line(0.0, f64::NAN))).unwrap(), 0.125);
    let events = Events { negative_curvature: 1, vanishing_denominator: 1, ..Events::default() };
    assert_eq!(tuner.events(), &events);
}

#[test]
fn a_given_ratio_asks_for_no_sharpness() {
    let mut tuner = Trace::new(OverSignsOptions { ratio: Some(5.0), sigma: 1.0, ..EXACT }).unwrap();
    assert_eq!(tuner.learning_rate(&mut line(20.0, f64::NAN)).unwrap(), 0.25);
}

#[test]
fn a_sharpness_that_is_not_positive_gives_the_rate_before() {
    let mut tuner = Trace::new(EXACT).unwrap();
    assert_eq!(tuner.learning_rate(&mut line(20.0, -8.0)).unwrap(), 0.0);
    assert_eq!(tuner.learning_rate(&mut at(1, line(20.0, -8.0))).unwrap(), 0.125);
    assert_eq!(tuner.events(), &Events { negative_curvature: 2, ..Events::default() });
    assert_eq!(tuner.learning_rate(&mut at(2, line(20.0, 4.0))).unwrap(), 0.5);
}

#[test]
fn measures_every_so_many_steps_into_an_average() {
    let mut tuner = Trace::new(OverSignsOptions { beta: 0.5, every: 2, ratio: Some(1.0), ..EXACT }).unwrap();
    assert_eq!(tuner.learning_rate(&mut at(0, line(4.0, f64::NAN))).unwrap(), 0.5);
    let mut between = at(1, line(f64::NAN, f64::NAN));
    assert_eq!((tuner.learning_rate(&mut between).unwrap(), between.samples), (0.5, 0));
    // (0.25 * 4 + 0.5 * 16) / 0.75 = 12
    assert!((tuner.learning_rate(&mut at(2, line(16.0, f64::NAN))).unwrap() - 2.0 / 12.0).abs() < 1e-15);
}
