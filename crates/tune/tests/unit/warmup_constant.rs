use super::*;

#[test]
fn by_hand() {
    let schedule = WarmupConstant::new(Warmup::new(8.0, 20, 0.2).unwrap());
    let rates: Vec<f64> = [0, 1, 4, 8, 12, 20, 99].map(|step| schedule.rate_at(step)).to_vec();
    let expected = [0.0, 2.0, 8.0, 8.0, 8.0, 8.0, 8.0];
    assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-12), "{rates:?}");
    assert_eq!(WarmupConstant::paper(8.0, 20).unwrap(), WarmupConstant::new(Warmup::new(8.0, 20, 0.1).unwrap()));
}

#[test]
fn only_a_warm_up_can_be_too_long() {
    let schedule = WarmupConstant::new(Warmup::new(8.0, 20, 0.2).unwrap());
    assert_eq!(schedule.misfit(3), Some(Foresight::Rising { warmup: 4, key: "horizon", steps: 3 }));
    assert_eq!((schedule.misfit(5), schedule.misfit(500)), (None, None));
    assert_eq!(WarmupConstant::new(Warmup::new(8.0, 20, 0.0).unwrap()).misfit(1), None);
}
