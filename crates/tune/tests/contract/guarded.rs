//! The recommended rule, its safeguards one by one: each on a line with answers chosen so that it must act, or must not.

use onedge_spectrum::Lanczos;
use onedge_tune::optimizers::Gd;
use onedge_tune::tuners::{Guarded, Sigma};
use onedge_tune::{BatchLine, Change, Conditions, Error, Events, Form, Line, Sharpness, Trainer, Trial, Tuner};

use crate::problems::Quadratic;

/// Answers to what the rule asks.
#[derive(Clone, Copy)]
struct Answers {
    step: u64,
    loss: f64,
    slope: f64,
    curvature: f64,
    norm: f64,
    steps: Option<u64>,
    full_batch: bool,
    /// The loss is `loss + 1` beyond this rate, and under `loss` before it.
    rises_beyond: f64,
    /// How often the curvature was asked for.
    asked: u32,
}

impl Answers {
    /// Slope -1 and curvature 1 along a unit vector.
    fn at(step: u64) -> Self {
        let (loss, rises_beyond) = (1.0, f64::INFINITY);
        Self {
            step,
            loss,
            slope: -1.0,
            curvature: 1.0,
            norm: 1.0,
            steps: None,
            full_batch: false,
            rises_beyond,
            asked: 0,
        }
    }
}

impl Line for Answers {
    fn step(&self) -> u64 {
        self.step
    }

    fn conditions(&self) -> Conditions {
        Conditions { steps: self.steps, full_batch: self.full_batch, ..Conditions::UNKNOWN }
    }

    fn loss(&self) -> f64 {
        self.loss
    }

    fn slope(&mut self) -> Result<f64, Error> {
        Ok(self.slope)
    }

    fn curvature(&mut self) -> Result<f64, Error> {
        self.asked += 1;
        Ok(self.curvature)
    }

    fn part_curvature(&mut self) -> Result<f64, Error> {
        unreachable!("parts are off")
    }

    fn gauss_newton_curvature(&mut self) -> Result<f64, Error> {
        unreachable!("nobody asks")
    }

    fn batch_line(&mut self) -> Result<BatchLine, Error> {
        unreachable!("nobody asks")
    }

    fn over_signs(&mut self, _: Form, _: usize) -> Result<f64, Error> {
        unreachable!("nobody asks")
    }

    fn value(&mut self, rate: f64) -> Result<f64, Error> {
        Ok(if rate > self.rises_beyond { self.loss + 1.0 } else { 0.5 * self.loss })
    }

    fn gradient_norm(&mut self) -> Result<f64, Error> {
        unreachable!("nobody asks")
    }

    fn update_norm(&mut self) -> Result<f64, Error> {
        Ok(self.norm)
    }

    fn sharpness(&mut self) -> Result<Sharpness, Error> {
        unreachable!("nobody asks")
    }

    fn previous_cosine(&mut self) -> Option<f64> {
        unreachable!("nobody asks")
    }

    fn previous_learning_rate(&self) -> Option<f64> {
        (self.step > 0).then_some(0.125)
    }

    fn trial(&mut self, _: f64) -> Result<Trial, Error> {
        unreachable!("nobody asks")
    }

    fn change(&mut self) -> Result<Option<Change>, Error> {
        unreachable!("nobody asks")
    }

    fn distance(&mut self) -> Result<Option<f64>, Error> {
        unreachable!("nobody asks")
    }

    fn parameter_norm(&mut self) -> Result<f64, Error> {
        unreachable!("nobody asks")
    }
}

/// With sigma 1, measuring every `every` steps.
fn greedy(every: u64) -> Guarded {
    Guarded::new(Some(Sigma::constant(1.0).unwrap()), 0.97, every).unwrap()
}

/// The rates of steps 0, 1, ..., each with the answers that `at` gives.
fn rates(tuner: &mut Guarded, steps: u64, at: impl Fn(u64) -> Answers) -> Vec<f64> {
    (0..steps).map(|step| tuner.learning_rate(&mut at(step)).unwrap()).collect()
}

#[test]
fn averages_by_hand() {
    // Windows of 1, 1, 3/2: at step 2 a new slope weighs 2/3, and the third curvature as much.
    let at = |step: u64| Answers { slope: [-4.0, -3.0, -6.0][step as usize], curvature: 4.0, ..Answers::at(step) };
    let found = rates(&mut greedy(1).growing_by(f64::INFINITY).unwrap(), 3, at);
    assert_eq!(found[..2], [1.0, 0.75]);
    assert!((found[2] - (3.0 / 3.0 + 6.0 * 2.0 / 3.0) / 4.0).abs() < 1e-15, "{found:?}");
}

/// The length of a step does not depend on that of the update, however it drifts.
#[test]
fn lengths_do_not_see_the_scale_of_the_update() {
    let scaled = |step: u64, scale: f64| {
        let plain =
            Answers { slope: -1.0 - (step % 3) as f64, curvature: 2.0 + (step % 5) as f64, ..Answers::at(step) };
        Answers { slope: scale * plain.slope, curvature: scale * scale * plain.curvature, norm: scale, ..plain }
    };
    let plain = rates(&mut greedy(4), 60, |step| scaled(step, 1.0));
    let drifting = rates(&mut greedy(4), 60, |step| scaled(step, 0.9_f64.powi(step as i32)));
    for (step, (plain, drifting)) in plain.iter().zip(&drifting).enumerate() {
        let length = drifting * 0.9_f64.powi(step as i32);
        assert!((length / plain - 1.0).abs() < 1e-12, "step {step}: {length} and {plain}");
    }
}

#[test]
fn measures_at_first_and_every_so_often() {
    let mut tuner = greedy(8);
    let asked = |tuner: &mut Guarded, answers: Answers| {
        let mut answers = answers;
        tuner.learning_rate(&mut answers).unwrap();
        answers.asked
    };
    let counts: Vec<u32> = (0..18).map(|step| asked(&mut tuner, Answers::at(step))).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    // The window has 9.5 steps: the mean becomes 1 + 2/9.5 at most, and the slope is more than twice that.
    assert_eq!(asked(&mut tuner, Answers { slope: -3.0, ..Answers::at(18) }), 1);
}

/// A first curvature that happens to be nearly zero does not set the rate.
#[test]
fn the_first_step_leads_to_no_higher_loss() {
    let mut tuner = greedy(8);
    let rate = tuner.learning_rate(&mut Answers { curvature: 1e-3, rises_beyond: 10.0, ..Answers::at(0) }).unwrap();
    // 1000 halved until it is at most 10.
    assert_eq!((rate, tuner.events().held_back), (1000.0 / 128.0, 7));
    let mut calm = greedy(8);
    assert_eq!(calm.learning_rate(&mut Answers::at(0)).unwrap(), 1.0);
    assert_eq!(calm.events(), &Events::default());
}

#[test]
fn a_step_grows_by_half_at_most() {
    let mut tuner = greedy(1);
    let at = |step: u64| Answers { curvature: if step == 0 { 1.0 } else { 1e-6 }, ..Answers::at(step) };
    assert_eq!(rates(&mut tuner, 4, at), [1.0, 1.5, 2.25, 3.375]);
    assert_eq!(tuner.events().held_back, 3);
}

/// Where this batch's own model says that its loss will rise, the step is cut: at max(2, 1.5 sigma) = 2 times its minimiser.
#[test]
fn a_step_stays_within_the_edge_of_its_batch() {
    let mut tuner = greedy(1);
    let before = rates(&mut tuner, 30, Answers::at);
    assert!(before.iter().all(|rate| (rate - 1.0).abs() < 1e-12), "{before:?}");
    assert_eq!(tuner.events(), &Events::default());
    let rate = tuner.learning_rate(&mut Answers { curvature: 5.0, ..Answers::at(30) }).unwrap();
    // On average slope 1 and curvature 1 + 4/15.5, so 0.795; of this batch 2 * 1/5.
    assert_eq!((rate, tuner.events().held_back), (0.4, 1));
}

/// On a loss whose curvature vanishes far away, as that of a softmax, each step may lead higher and farther.
#[test]
fn a_full_batch_above_its_first_loss_comes_back() {
    let at = |step: u64, full_batch| {
        // Up at step 1, where the model sees little curvature, and down at step 4.
        let (loss, curvature) = match step {
            0 => (1.0, 1.0),
            1..4 => (2.0, 0.01),
            _ => (0.9, 0.01),
        };
        Answers { loss, curvature, full_batch, ..Answers::at(step) }
    };
    // Greedy: 1. Then half of that, which is below the minimiser 1 of the first curvature, so 1; and never longer before the loss is down again.
    let mut tuner = greedy(1);
    let found = rates(&mut tuner, 5, |step| at(step, true));
    assert_eq!(found[..4], [1.0, 1.0, 1.0, 1.0]);
    assert_eq!(found[4], 1.5);
    assert_eq!(tuner.events().held_back, 4);
    // In mini-batches it may be the noise.
    let mut tuner = greedy(1);
    assert!(rates(&mut tuner, 5, |step| at(step, false))[1] > 1.4);
}

/// By half at most in a step, and no farther than to the minimiser of the largest curvature.
#[test]
fn above_its_first_loss_a_length_falls_by_halves() {
    let at = |step: u64| {
        let (loss, curvature) = (if step < 6 { 1.0 } else { 2.0 }, if step == 0 { 8.0 } else { 1e-3 });
        Answers { loss, curvature, full_batch: true, ..Answers::at(step) }
    };
    let found = rates(&mut greedy(1), 10, at);
    let longest = 1.5_f64.powi(5) / 8.0;
    assert_eq!(found[5..], [longest, longest / 2.0, longest / 4.0, 0.125, 0.125]);
}

/// Non-descent directions shorten the step by half each, and leave it able to grow again.
#[test]
fn is_never_stuck_at_zero() {
    let mut tuner = greedy(8);
    let at = |step: u64| Answers { slope: if (10..40).contains(&step) { 1.0 } else { -1.0 }, ..Answers::at(step) };
    let found = rates(&mut tuner, 120, at);
    assert!(found.iter().all(|rate| *rate > 0.0), "{found:?}");
    assert!(found[39] < 1e-3 && found[119] > 10.0 * found[60], "{} {}", found[39], found[119]);
    assert_eq!(tuner.events().non_descent, 30);
    let mut tuner = greedy(8);
    let negative = rates(&mut tuner, 50, |step| Answers { curvature: -1.0, ..Answers::at(step) });
    assert!(negative.iter().all(|rate| (rate - 1.0).abs() < 1e-12), "{negative:?}");
    // Steps 0 to 7, then 8, 16, 24, 32, 40, 48.
    assert_eq!(tuner.events().negative_curvature, 14);
}

#[test]
fn vanishing_curvature_keeps_the_length() {
    let mut tuner = greedy(1);
    assert_eq!(tuner.learning_rate(&mut Answers { curvature: 0.0, ..Answers::at(0) }).unwrap(), 0.0);
    assert_eq!(tuner.events().vanishing_denominator, 1);
    assert_eq!(tuner.learning_rate(&mut Answers::at(1)).unwrap(), 1.0);
}

/// Losses that rise from window to window halve the steps; losses that only scatter do not wear them down.
#[test]
fn trust_follows_the_losses() {
    let mut tuner = greedy(8);
    let rising = rates(&mut tuner, 64, |step| Answers { loss: 1.0 + step as f64, ..Answers::at(step) });
    // Windows of 16: worse at the ends of the second, third and fourth.
    assert_eq!((rising[30], rising[31], rising[47], rising[63]), (1.0, 0.5, 0.25, 0.125));
    assert_eq!(tuner.events().backed_off, 3);
    let mut tuner = greedy(8);
    let noise = |step: u64| ((step + 1) as f64 * 0.754_877_666_246_692_8).fract();
    let flat = rates(&mut tuner, 20_000, |step| Answers { loss: 1.0 + noise(step), ..Answers::at(step) });
    assert!(flat[19_000..].iter().all(|rate| *rate > 0.2), "{:?}", &flat[19_990..]);
}

/// In mini-batches, losses that fall beyond their noise let sigma rise to what it is in full batch: by 19^(1/4) for an
/// optimizer that states no edge.
#[test]
fn trust_grows_where_the_losses_fall() {
    let falling = |full_batch| {
        let at = |step: u64| Answers { loss: 500.0 - step as f64, full_batch, ..Answers::at(step) };
        rates(&mut greedy(8), 300, at)
    };
    let (mini, full) = (falling(false), falling(true));
    assert!((mini[30] - 1.0).abs() < 1e-12 && (mini[31] - 1.2).abs() < 1e-12, "{} {}", mini[30], mini[31]);
    assert!((mini[299] - 19.0_f64.powf(0.25)).abs() < 1e-12, "{}", mini[299]);
    assert!(full.iter().all(|rate| (rate - 1.0).abs() < 1e-12));
}

#[test]
fn comes_down_at_the_end() {
    let mut tuner = greedy(1).cooling_down(0.5).unwrap();
    let found = rates(&mut tuner, 10, |step| Answers { steps: Some(10), ..Answers::at(step) });
    for (rate, expected) in found.iter().zip([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2]) {
        assert!((rate - expected).abs() < 1e-12, "{found:?}");
    }
    assert_eq!(tuner.events(), &Events::default());
    let flat =
        rates(&mut greedy(1).cooling_down(0.0).unwrap(), 10, |step| Answers { steps: Some(10), ..Answers::at(step) });
    assert_eq!(flat, [1.0; 10]);
}

/// Where all is well, the rates are those of the averages alone, to the bit.
#[test]
fn safeguards_are_silent_where_all_is_well() {
    let well = |step: u64| Answers {
        slope: -1.0 - 0.2 * (step as f64).sin(),
        curvature: 1.0 + 0.2 * (step as f64).cos(),
        loss: 5.0 - 0.01 * step as f64,
        full_batch: true,
        ..Answers::at(step)
    };
    let mut tuner = greedy(1);
    let found = rates(&mut tuner, 400, well);
    assert_eq!(tuner.events(), &Events::default());
    // The averages once more, as their definition says.
    let (mut slope, mut curvature, mut slope_weight, mut curvature_weight) = (0.0, 0.0, 0.0, 0.0);
    for (step, rate) in found.iter().enumerate() {
        let answers = well(step as u64);
        let share = 1.0 / f64::min(1.0 / (1.0 - 0.97), (step + 1) as f64 / 2.0).max(1.0);
        slope = (1.0 - share) * slope + share * -answers.slope;
        slope_weight = (1.0 - share) * slope_weight + share;
        let share = 1.0 - (1.0 - share).powi(1);
        curvature = (1.0 - share) * curvature + share * answers.curvature;
        curvature_weight = (1.0 - share) * curvature_weight + share;
        assert_eq!(*rate, slope / slope_weight / (curvature / curvature_weight), "step {step}");
    }
}

/// On a quadratic the edge, sigma 2, leads from wall to wall for ever: at a standstill the steps become shorter until it ends, be
/// the number of steps known or not.
#[test]
fn finds_the_minimum_of_a_bowl() {
    for curvatures in [&[4.0, 1.0][..], &[0.1, 1.0, 10.0]] {
        for steps in [None, Some(400)] {
            let tuner = Box::new(Guarded::recommended());
            let dim = curvatures.len();
            let mut trainer = Trainer::<f64>::new(dim, Box::new(Gd::paper()), tuner, Lanczos::top(1, 0)).unwrap();
            trainer = trainer.in_full_batch();
            if let Some(steps) = steps {
                trainer = trainer.for_steps(steps);
            }
            let (mut objective, mut w) = (Quadratic::new(curvatures), vec![2.0; dim]);
            let losses: Vec<f64> = (0..400).map(|_| trainer.step(&mut objective, &mut w).unwrap().loss).collect();
            assert!(losses[399] < 1e-2 * losses[0], "{steps:?}: {} of {}", losses[399], losses[0]);
        }
    }
}

/// Where all examples are fitted, updates vanish, and no rate grows beyond what single precision can multiply.
#[test]
fn rates_stay_finite_as_updates_vanish() {
    let vanishing = |step: u64| {
        let norm = 10.0_f64.powi(-(step as i32));
        Answers { slope: -norm * norm, curvature: norm * norm * norm, norm, loss: norm, ..Answers::at(step) }
    };
    let found = rates(&mut greedy(8), 120, vanishing);
    assert!(found.iter().all(|rate| *rate <= 1e30), "{found:?}");
}
