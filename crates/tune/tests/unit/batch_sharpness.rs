use super::*;
use crate::tuners::fixed::Fixed;

fn line(descent: f64, curvature: f64) -> Fixed {
    // Neither slope nor curvature of the update are asked for.
    Fixed { batch: BatchLine { descent, curvature }, ..Fixed::new(f64::NAN, f64::NAN) }
}

#[test]
fn by_hand() {
    let mut tuner = BatchSharpness::new(2.0, 0.5).unwrap();
    assert_eq!(tuner.learning_rate(&mut line(4.0, 16.0)).unwrap(), 0.5);
    // 2 * (0.5 * 2 + 0.5 * 1) / (0.5 * 8 + 0.5 * 20)
    assert!((tuner.learning_rate(&mut line(1.0, 20.0)).unwrap() - 3.0 / 14.0).abs() < 1e-15);
    // 2 * (0.5 * 1.5 + 0.5 * 2) / |0.5 * 14 - 0.5 * 30|
    assert!((tuner.learning_rate(&mut line(2.0, -30.0)).unwrap() - 3.5 / 8.0).abs() < 1e-15);
    assert_eq!(tuner.events(), &Events { negative_curvature: 1, ..Events::default() });
    let mut flat = BatchSharpness::on_edge();
    assert_eq!(flat.learning_rate(&mut line(1.0, 0.0).after(0.3)).unwrap(), 0.3);
    assert_eq!(flat.events().vanishing_denominator, 1);
}

#[test]
fn one_part_is_the_batch_of_the_step() {
    assert_eq!(BatchSharpness::on_edge().needs(), Needs::default());
    let parts = BatchSharpness::on_edge().of_parts(4).unwrap();
    assert_eq!(parts.needs(), Needs { parts: Some(4), ..Needs::default() });
}
