use super::*;
use crate::tuners::Cdat;
use crate::tuners::fixed::Fixed;

fn controlled(beta: f64, pole: f64, rate: Option<f64>, limit: f64) -> Controlled {
    Controlled::new(ControlledOptions { target: 2.0, beta, pole, rate, limit, cap: 8.0 }).unwrap()
}

fn ask(tuner: &mut Controlled, slope: f64, curvature: f64) -> f64 {
    tuner.learning_rate(&mut Fixed::new(slope, curvature)).unwrap()
}

#[test]
fn by_hand() {
    let mut tuner = controlled(0.5, 0.5, Some(1.0), f64::INFINITY);
    // K_p = K_i = 1/2. r = 1, so the error is log 2 and the rate becomes 2^(1/2).
    assert!((ask(&mut tuner, -1.0, 1.0) - 2.0_f64.sqrt()).abs() < 1e-15);
    // L = log 2 / 4, N = D, e = 3/4 log 2; l + (e - log 2) / 2 + e / 2 = (1/2 - 1/8 + 3/8) log 2.
    assert!((ask(&mut tuner, -1.0, 1.0) - 2.0_f64.powf(0.75)).abs() < 1e-15);
}

#[test]
fn without_averages_it_is_cdat() {
    let mut tuner = controlled(0.0, 0.0, None, f64::INFINITY);
    for (slope, curvature) in [(-3.0, 4.0), (-5.0, 1.5), (-0.25, 16.0)] {
        assert!((ask(&mut tuner, slope, curvature) - -2.0 * slope / curvature).abs() < 1e-14);
    }
}

#[test]
fn with_the_pole_at_beta_it_is_cdat_with_averages() {
    let mut tuner = controlled(0.9, 0.9, None, f64::INFINITY);
    let mut cdat = Cdat::new(2.0, 0.0, 0.9, 8.0).unwrap();
    for step in 0..60 {
        let wave = (f64::from(step) * 0.7).sin();
        let (slope, curvature) = (-3.0 - wave, 4.0 + 2.0 * wave * wave + f64::from(step % 3));
        let rate = cdat.learning_rate(&mut Fixed::new(slope, curvature)).unwrap();
        assert!((ask(&mut tuner, slope, curvature) / rate - 1.0).abs() < 1e-12);
    }
}

#[test]
fn deviations_follow_the_double_pole() {
    // K_p = 0, K_i = 1/3, and by the tenth step the averages have forgotten that they began at zero.
    let mut tuner = controlled(0.25, 0.5, Some(2.0 * (1.0 + 1e-4)), f64::INFINITY);
    let logs: Vec<f64> = (0..20).map(|_| (ask(&mut tuner, -1.0, 1.0) / 2.0).ln()).collect();
    for window in logs[10..18].windows(3) {
        let residual = window[2] - window[1] + 0.25 * window[0];
        assert!(residual.abs() < 2e-3 * window[0].abs(), "{logs:?}");
    }
    assert!(logs[19].abs() < 1e-8);
}

#[test]
fn a_drift_leaves_the_stated_offset() {
    // u.Hu grows by 1 % a step: the rate falls as fast, and log r stays 0.01 / K_i above its target.
    let mut tuner = controlled(0.5, 0.5, None, 2.0);
    let curvature = |step: i32| 1.01_f64.powi(step);
    let rates: Vec<f64> = (0..200).map(|step| ask(&mut tuner, -1.0, curvature(step))).collect();
    assert!((rates[199] / rates[198] - 1.0 / 1.01).abs() < 1e-12);
    assert!((tuner.ratio().ln() - 2.0_f64.ln() - 1.01_f64.ln() / 0.5).abs() < 1e-12);
}

#[test]
fn one_huge_curvature_is_forgotten() {
    let mut tuner = controlled(0.9, 0.9, None, 2.0);
    let curvature = |step: usize| if step == 20 { 1e8 } else { 1.0 };
    let rates: Vec<f64> = (0..400).map(|step| ask(&mut tuner, -1.0, curvature(step))).collect();
    assert!((rates[19] - 2.0).abs() < 1e-12 && rates[21] < 0.5 && (rates[399] - 2.0).abs() < 0.1, "{rates:?}");
    assert!(rates.iter().all(|rate| *rate > 1e-9));
}

#[test]
fn limits_leave_nothing_to_unwind() {
    let mut tuner = controlled(0.0, 0.0, Some(1.0), 2.0);
    // Asked for 200 it gives twice as much at a time, up to the cap; asked for less, that, at once.
    assert_eq!([-100.0, -100.0, -100.0, -100.0].map(|slope| ask(&mut tuner, slope, 1.0)), [2.0, 4.0, 8.0, 8.0]);
    assert!((ask(&mut tuner, -1.0, 1.5) - 4.0 / 3.0).abs() < 1e-15);
    assert_eq!(tuner.events(), &Events { capped: 4, ..Events::default() });
}

#[test]
fn holds_where_nothing_is_measured() {
    let mut tuner = controlled(0.0, 0.0, None, 2.0);
    assert_eq!([(1.0, 1.0), (-1.0, 0.0)].map(|(s, c)| ask(&mut tuner, s, c)), [0.0; 2]);
    // The first rate is made of the curvature's size, and held while its sign tells nothing.
    assert_eq!(ask(&mut tuner, -1.0, -4.0), 0.5);
    assert_eq!(ask(&mut tuner, -1.0, -2.0), 0.5);
    let mut events = Events { non_descent: 1, negative_curvature: 2, vanishing_denominator: 1, ..Events::default() };
    assert_eq!(tuner.events(), &events);
    assert_eq!(ask(&mut tuner, 1.0, 1.0), 0.5);
    events.non_descent += 1;
    assert_eq!(tuner.events(), &events);
    assert_eq!(ask(&mut tuner, -1.0, -1.0), 0.5);
    events.negative_curvature += 1;
    assert_eq!(tuner.events(), &events);
    assert_eq!(ask(&mut tuner, -1.0, 0.0), 0.5);
    events.vanishing_denominator += 1;
    assert_eq!(tuner.events(), &events);
}
