use super::*;
use crate::tuners::fixed::Fixed;

/// Asks for the curvatures of `steps` steps with updates of length 2, and gives the share that was measured and the largest relative error.
fn ask(amortised: &mut Amortised, steps: std::ops::Range<u64>, truth: impl Fn(u64) -> f64) -> (f64, f64) {
    let (mut measured, mut worst) = (0.0, 0.0);
    let count = (steps.end - steps.start) as f64;
    for step in steps {
        let true_curvature = 4.0 * truth(step);
        let mut line = Fixed { step, update_norm: 2.0, ..Fixed::new(-1.0, true_curvature) };
        let (curvature, predicted) =
            amortised.curvature(&mut line, false, |line, _| Ok(line.curvature()?.abs())).unwrap();
        measured += if predicted { 0.0 } else { 1.0 };
        worst = f64::max(worst, (curvature / true_curvature - 1.0).abs());
    }
    (measured / count, worst)
}

#[test]
fn what_alternates_and_grows_is_predicted() {
    let mut amortised = Amortised::new(0.05, 0.0).unwrap();
    let truth = |step: u64| (if step.is_multiple_of(2) { 3.0 } else { 0.5 }) * 1.01f64.powi(step as i32);
    assert_eq!(ask(&mut amortised, 0..8, truth), (1.0, 0.0));
    // The trend is learned from the first steps, and the growth of a hundredth a step with it: only the longest interval asks.
    let (share, worst) = ask(&mut amortised, 8..400, truth);
    assert!(share < 0.1 && worst < 1e-9, "{share} {worst}");
}

#[test]
fn what_wanders_is_measured_as_often_as_its_error_asks() {
    let walk: Vec<f64> = {
        // Steps of plus or minus 3 %, from a fixed sequence of bits.
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        let mut log = 0.0;
        let mut next = || {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            log += if bits & 1 == 0 { 0.03 } else { -0.03 };
            f64::exp(log)
        };
        (0..2000).map(|_| next()).collect()
    };
    let share = |error: f64| {
        let mut amortised = Amortised::new(error, 0.0).unwrap();
        ask(&mut amortised, 0..8, |step| walk[step as usize]);
        ask(&mut amortised, 8..2000, |step| walk[step as usize])
    };
    let (tight, middle, loose) = (share(0.0), share(0.1), share(0.3));
    assert_eq!(tight, (1.0, 0.0));
    assert!(middle.0 > loose.0 && middle.0 < 0.5 && loose.0 < 0.15, "{middle:?} {loose:?}");
    // The bound is one of the mean square: what is met at worst is within some of them.
    assert!(middle.1 < 0.5, "{middle:?}");
}

#[test]
fn noise_of_batches_is_averaged() {
    // Batches whose curvature is 30 % off, one way or the other.
    let truth = |step: u64| 2.0 * (1.0 + 0.3 * f64::sin(step as f64 * 2.399_963));
    let share = |beta: f64| {
        let mut amortised = Amortised::new(0.05, beta).unwrap();
        ask(&mut amortised, 0..600, truth)
    };
    // Of a deviation of 21 %, averages of decay 0.9 leave 5 % and those of 0.99 1.5 %.
    let (none, long) = (share(0.0), share(0.99));
    assert!(none.0 > 0.9 && long.0 < 0.15, "{none:?} {long:?}");
    // It predicts the mean of the batches.
    let mut amortised = Amortised::new(0.05, 0.99).unwrap();
    ask(&mut amortised, 0..600, truth);
    let mean = amortised.predicted(601).unwrap().exp();
    assert!((mean / 2.0 - 1.0).abs() < 0.1, "{mean}");
}

#[test]
fn the_change_of_the_gradient_gives_a_jump_away() {
    let mut amortised = Amortised::new(0.1, 0.0).unwrap();
    let mut at = |step: u64, before: f64, now: f64| {
        // The gradient after a step of rate 0.5 along a unit update with slope -1, where the curvature along it was `before`.
        let cosine = (step > 0).then_some(-1.0 + 0.5 * before);
        let previous = (step > 0).then_some(0.5);
        let mut line = Fixed { step, cosine, previous, ..Fixed::new(-1.0, now) };
        amortised.curvature(&mut line, false, |line, _| line.curvature()).unwrap()
    };
    for step in 0..20 {
        at(step, 2.0, 2.0);
    }
    assert_eq!(at(20, 2.0, 99.0), (2.0, true));
    // Along the last step it was 4 times what it should have been.
    assert_eq!(at(21, 8.0, 8.0), (8.0, false));
}

#[test]
fn nothing_is_learned_of_none() {
    let mut amortised = Amortised::new(0.1, 0.0).unwrap();
    let (share, _) = ask(&mut amortised, 0..50, |_| 0.0);
    assert_eq!(share, 1.0);
    assert!(Amortised::new(1.5, 0.0).unwrap_err().to_string().contains("error"));
}

#[test]
fn it_goes_on_from_its_state() {
    let truth = |step: u64| (if step.is_multiple_of(2) { 3.0 } else { 0.5 }) * (1.0 + 0.1 * f64::sin(step as f64));
    let mut whole = Amortised::new(0.2, 0.5).unwrap();
    ask(&mut whole, 0..101, truth);
    let mut other = Amortised::new(0.2, 0.5).unwrap();
    let mut reader = whole.state(State::new()).reader("cdat");
    other.restore(&mut reader).unwrap();
    reader.finish().unwrap();
    assert_eq!(format!("{other:?}"), format!("{whole:?}"));
    assert_eq!(ask(&mut other, 101..300, truth), ask(&mut whole, 101..300, truth));
}

/// The share of the steps from `first` to 400 at which the curvature was measured on the batch, and at which on a part that is off it by `part(step)`; a
/// batch is up to 60 % off their mean, and averages have decay 0.9.
fn on_parts(first: u64, part: impl Fn(u64) -> f64) -> (f64, f64) {
    let mut amortised = Amortised::new(0.05, 0.9).unwrap();
    let (mut batches, mut parts) = (0.0, 0.0);
    for step in 0..400_u64 {
        let curvature = 2.0 * (1.0 + 0.6 * f64::sin(step as f64 * 2.399_963));
        let part_curvature = curvature * (1.0 + part(step));
        let mut line = Fixed { step, part_curvature, ..Fixed::new(-1.0, curvature) };
        let mut counted = |line: &mut dyn Line, of: Of| {
            let one = f64::from(u8::from(step >= first)) / (400 - first) as f64;
            match of {
                Of::Batch => {
                    batches += one;
                    line.curvature()
                }
                Of::Part => {
                    parts += one;
                    line.part_curvature()
                }
            }
        };
        amortised.curvature(&mut line, true, &mut counted).unwrap();
    }
    (batches, parts)
}

#[test]
fn a_part_stands_for_its_batch_where_it_is_near() {
    // Of a deviation of 14 % averages leave 3 %, of one of 70 % 16 %.
    let off = |size: f64| move |step: u64| size * f64::sin(step as f64 * 1.1);
    let (near, far) = (on_parts(8, off(0.2)), on_parts(8, off(1.0)));
    // On batches for the comparisons alone; nothing can be predicted.
    assert!(near.0 < 0.07 && near.1 > 0.85, "{near:?}");
    assert!(far.0 > 0.8 && far.1 == 0.0, "{far:?}");
    // The first steps are all measured on the batch.
    let (all, _) = on_parts(0, off(0.2));
    assert!(all >= 8.0 / 400.0, "{all}");
}

#[test]
fn what_is_known_of_parts_is_kept() {
    let curvature = |step: u64| 1.0 + 0.1 * f64::sin(step as f64);
    let go = |amortised: &mut Amortised, steps: std::ops::Range<u64>| {
        steps
            .map(|step| {
                let part_curvature = curvature(step) * (1.0 + 0.3 * f64::cos(step as f64 * 3.0));
                let mut line = Fixed { step, part_curvature, ..Fixed::new(-1.0, curvature(step)) };
                let measure = |line: &mut dyn Line, of: Of| match of {
                    Of::Batch => line.curvature(),
                    Of::Part => line.part_curvature(),
                };
                amortised.curvature(&mut line, true, measure).unwrap()
            })
            .collect::<Vec<_>>()
    };
    let mut whole = Amortised::new(0.1, 0.9).unwrap();
    go(&mut whole, 0..50);
    let mut other = Amortised::new(0.1, 0.9).unwrap();
    let mut reader = whole.state(State::new()).reader("cdat");
    other.restore(&mut reader).unwrap();
    reader.finish().unwrap();
    assert_eq!(format!("{other:?}"), format!("{whole:?}"));
    assert_eq!(go(&mut other, 50..150), go(&mut whole, 50..150));
}
