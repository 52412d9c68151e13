use super::*;

#[test]
fn by_hand() {
    let schedule = WarmupLinear::new(Warmup::new(8.0, 20, 0.2).unwrap());
    let rates: Vec<f64> = [0, 1, 4, 8, 12, 20, 99].map(|step| schedule.rate_at(step)).to_vec();
    let expected = [0.0, 2.0, 8.0, 6.0, 4.0, 0.0, 0.0];
    assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-12), "{rates:?}");
    assert_eq!(WarmupLinear::paper(8.0, 20).unwrap(), WarmupLinear::new(Warmup::new(8.0, 20, 0.1).unwrap()));
}
