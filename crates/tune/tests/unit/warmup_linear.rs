use super::*;

#[test]
fn by_hand() {
    let schedule = WarmupLinear::new(Warmup::new(8.0, 20, 0.2).unwrap());
    let rates: Vec<f64> = [0, 1, 4, 8, 12, 20, 99].map(|step| schedule.rate_at(step)).to_vec();
    let expected = [0.0, 2.0, 8.0, 6.0, 4.0, 0.0, 0.0];
    assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-12), "{rates:?}");
    assert_eq!(WarmupLinear::paper(8.0, 20).unwrap(), WarmupLinear::new(Warmup::new(8.0, 20, 0.1).unwrap()));
}

/// Of 20 steps 4 are warm-up; at step 18 an eighth of the way down is left.
#[test]
fn what_does_not_fit_a_run_is_foreseen() {
    let schedule = WarmupLinear::new(Warmup::new(8.0, 20, 0.2).unwrap());
    assert_eq!(schedule.misfit(4), Some(Foresight::Rising { warmup: 4, key: "horizon", steps: 4 }));
    assert_eq!(schedule.misfit(18), Some(Foresight::CutOff { horizon: 20, share: 0.125, steps: 18 }));
    assert_eq!((schedule.misfit(19), schedule.misfit(20)), (None, None), "a sixteenth is down");
    let over = schedule.misfit(21).unwrap();
    assert_eq!(over, Foresight::Over { horizon: 20, steps: 21 });
    assert_eq!(over.problem(), "the schedule ends at step 20 of 21, so the rate is 0 at the last step");
    assert_eq!(over.remedy("tuner"), "try `tuner.horizon = 21`");
}
