use super::*;

#[test]
fn by_hand() {
    assert_eq!([0, 7, 99].map(|step| Sigma::constant(2.0).unwrap().at(step)), [2.0; 3]);
    let rising = Sigma::constant(2.0).unwrap().starting_at(0.5, 4).unwrap();
    assert_eq!([0, 1, 2, 4, 9].map(|step| rising.at(step)), [0.5, 0.875, 1.25, 2.0, 2.0]);
    // 64 / (64 + 192) = 1/4; with momentum 2/3 only a third of the noise is left: 64 / 128.
    assert!((Sigma::constant(2.0).unwrap().in_batches(64, 192.0, 0.0).unwrap().at(0) - 0.5).abs() < 1e-15);
    assert!((rising.in_batches(64, 192.0, 2.0 / 3.0).unwrap().at(2) - 0.625).abs() < 1e-15);
    assert_eq!(Sigma::constant(2.0).unwrap().in_batches(64, 0.0, 0.9).unwrap().at(3), 2.0);
}

/// Greedy with the formula's sigma minimises the expected loss, here for two equally likely batches.
#[test]
fn greedy_in_batches_is_the_best_step_in_expectation() {
    // Batches of one example with gradients G + 2 and G - 2 at G = 1: B = 4, and n is 9 or 1 where u.Hu is h u^2.
    let (h, noise) = (3.0, 4.0);
    let expected_slope = [3.0, -1.0].map(|g: f64| g * g).iter().sum::<f64>() / 2.0;
    let expected_curvature = h * expected_slope;
    let rate =
        Sigma::constant(1.0).unwrap().in_batches(1, noise, 0.0).unwrap().at(0) * expected_slope / expected_curvature;
    // E[f(w - eta g)] = f(w) - eta |G|^2 + eta^2 h E|g|^2 / 2 is least at 1 / (3 * 5).
    assert!((rate - 1.0 / 15.0).abs() < 1e-15);
}
