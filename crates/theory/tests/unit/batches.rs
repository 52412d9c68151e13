use super::*;
use crate::tuners::{Cdat, Lag};
use crate::{Start, Study, Time, walk};

const FIXED: Parameters = Parameters { a: 0.0, b: 0.0, nu: 0.5 };

fn model() -> Model {
    Model {
        parameters: FIXED,
        directions: 3,
        lambda: 4.0,
        p: 0.25,
        q: 6.0,
        momentum: 0.6,
        noise: 20.0,
        power: 0.0,
        examples: 100,
    }
}

/// The second moments of place and velocity under a constant rate: `s+ = M s + c n` has `S+ = M S M' + var c c'`, exactly.
fn expected_losses(model: &Model, eta: f64, batch: usize, steps: usize) -> Vec<f64> {
    let (variance, mu) = (model.variance(batch), model.momentum);
    let direction = |h: f64, square: f64, count: f64| {
        // E x^2, E x v, E v^2
        let mut moments = [square, 0.0, 0.0];
        let mut losses = Vec::new();
        for _ in 0..steps {
            let [xx, xv, vv] = moments;
            losses.push(0.5 * count * h * xx);
            // v+ = mu v + h x + n, x+ = x - eta v+
            let next_vv = mu * mu * vv + 2.0 * mu * h * xv + h * h * xx + variance;
            let with_x = mu * xv + h * xx;
            moments = [xx - 2.0 * eta * with_x + eta * eta * next_vv, with_x - eta * next_vv, next_vv];
        }
        losses
    };
    let count = model.directions as f64;
    let (top, other) = (direction(model.lambda, model.p, 1.0), direction(model.parameters.nu, model.q / count, count));
    top.iter().zip(other).map(|(top, other)| top + other).collect()
}

#[test]
fn the_mean_loss_is_that_of_the_second_moments() {
    for (momentum, eta, batch) in [(0.0, 0.3, 10), (0.6, 0.1, 10), (0.6, 0.05, 1), (0.3, 0.2, 80)] {
        let model = Model { momentum, ..model() };
        let (steps, seeds) = (12, 4000);
        let (mut sums, mut squares) = (vec![0.0; steps], vec![0.0; steps]);
        for seed in 0..seeds {
            let mut step = 0;
            assert!(model.train(Rate::Constant(eta), batch, steps, seed, |loss| {
                sums[step] += loss;
                squares[step] += loss * loss;
                step += 1;
            }));
        }
        let expected = expected_losses(&model, eta, batch, steps);
        for step in 0..steps {
            let mean = sums[step] / seeds as f64;
            let error = ((squares[step] / seeds as f64 - mean * mean).max(0.0) / seeds as f64).sqrt();
            let off = (mean - expected[step]).abs();
            assert!(off <= 4.5 * error + 1e-9, "{momentum} {batch}, step {step}: {mean} {} {error}", expected[step]);
        }
        // Noise is there, and no other part of the loss than of a tenth or more.
        let silent = expected_losses(&Model { noise: 0.0, ..model }, eta, batch, steps);
        assert!(expected[steps - 1] > 1.02 * silent[steps - 1], "{batch}");
    }
}

/// With all examples in the batch it is equation (4), lambda reading the new x, with CDAT's rate of the step itself.
#[test]
fn of_all_examples_it_is_the_model_without_noise() {
    let parameters = Parameters { a: 0.05, b: 0.1, nu: 0.1 };
    let model = Model { parameters, directions: 1, lambda: 18.0, p: 4.0, q: 4.0, momentum: 0.0, ..model() };
    let tuner = Cdat::new(1.9, Lag::None, 0.1);
    let at = |state: (f64, f64)| crate::State::new(0.0, 18.0, state.0, state.1, 0.1);
    let eta = crate::tuners::Tuner::rate(&tuner, &at((2.0, 2.0)), &at((2.0, 2.0)));
    let start = Start { eta, lambda: 18.0, p: 4.0, q: 4.0 };
    let study = Study { parameters, time: Time::SemiImplicit, start, tuner: &tuner, noise: Noise::NONE, steps: 200 };
    let mut known = Vec::new();
    assert!(walk(&study, |point| known.push(0.5 * (point.lambda * point.p + 0.1 * point.q))).is_success());
    let mut step = 0;
    assert!(model.train(Rate::Cdat { sigma: 1.9, beta: 0.0 }, 100, 200, 3, |loss| {
        assert!((loss / known[step] - 1.0).abs() < 1e-9, "{step}: {loss} {}", known[step]);
        step += 1;
    }));
    assert_eq!(step, 200);
}

/// Where all eigenvalues are h, CDAT's rate is sigma / h whatever the batch, so that the loss after a step is `(1 - sigma)^2 f + sigma^2 / (2 h) tr S / m` in the
/// mean: least at `sigma = m / (m + B)`.
#[test]
fn the_best_greedy_step_of_a_round_bowl_is_that_of_the_noise_scale() {
    let round = Model { lambda: 0.5, p: 2.0, q: 6.0, momentum: 0.0, noise: 30.0, ..model() };
    let batch = 10;
    // tr S / m, with the correction for what is drawn without replacement.
    let spread = 4.0 * round.variance(batch);
    let square = 0.25 * 8.0;
    let best = square / (square + spread);
    let infinite = 10.0 / (10.0 + 30.0);
    assert!((best / infinite - 1.0).abs() < 0.1, "{best}");
    let after = |sigma: f64| {
        let of = |seed| round.end(Rate::Cdat { sigma, beta: 0.0 }, batch, 2, seed).unwrap();
        (0..3000).map(of).sum::<f64>() / 3000.0
    };
    let exact = |sigma: f64| (1.0 - sigma).powi(2) + sigma * sigma * spread / square;
    for sigma in [0.5 * best, best, 2.0 * best] {
        assert!((after(sigma) / exact(sigma) - 1.0).abs() < 0.05, "{sigma}: {} {}", after(sigma), exact(sigma));
    }
    assert!(after(best) < after(0.5 * best) && after(best) < after(2.0 * best));
}

#[test]
fn maps_have_a_row_for_each_batch_size() {
    let batches = Batches {
        model: Model { noise: 2.0, ..model() },
        sigmas: vec![0.05, 0.2, 40.0],
        batches: vec![(5, 40), (100, 20)],
        beta: 0.5,
        seed: 0,
        seeds: 3,
    };
    let map = batches.map();
    assert_eq!((map.cells.len(), map.rows().count()), (6, 2));
    for (i, cell) in map.cells.iter().enumerate() {
        let ((batch, steps), sigma) = (batches.batches[i / 3], batches.sigmas[i % 3]);
        let ends = (0..3).map(|seed| batches.model.end(Rate::Cdat { sigma, beta: 0.5 }, batch, steps, seed));
        // What diverged is above all else.
        let mean = ends.map(|end| end.unwrap_or(f64::INFINITY)).sum::<f64>() / 3.0;
        assert_eq!(*cell, (mean < 1.0).then_some(mean), "{batch} {sigma}");
    }
    assert!(map.cells[0].is_some() && map.cells[1].is_some());
    // A constant rate beyond the edge of the top does diverge.
    assert_eq!(model().end(Rate::Constant(2.0), 5, 400, 0), None);
    let best = map.best();
    assert_eq!((best[0].0, best[1].0), (5, 100));
    let least = map.cells[..3].iter().flatten().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(best[0].1.unwrap().1, least);
    let csv = map.csv();
    assert!(csv.lines().count() == 7 && csv.lines().nth(3).unwrap().starts_with("5,40,40,"), "{csv}");
}

#[test]
fn noise_goes_with_the_loss_as_the_power_says() {
    // Without batches of noise the loss falls to nothing; with a power of 1 it does so with noise, too, and with 0 it stays.
    let end = |power: f64| {
        Model { power, momentum: 0.0, noise: 2.0, ..model() }.end(Rate::Constant(0.1), 10, 600, 1).unwrap()
    };
    assert!(end(1.0) < 1e-6 && end(0.0) > 1e-4, "{} {}", end(1.0), end(0.0));
}
