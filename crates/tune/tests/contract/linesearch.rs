//! No linesearch freezes: in full batch and single precision none keeps a rate of nothing while there is a way down.

use std::collections::BTreeMap;

use onedge_objective::{Error, Objective};
use onedge_spectrum::Lanczos;
use onedge_tune::optimizers::Momentum;
use onedge_tune::tuners::{Armijo, ArmijoOptions};
use onedge_tune::{Trainer, optimizers, tuners};

use crate::problems::Quadratic;

const HIDDEN: usize = 6;
const DIM: usize = 3 * HIDDEN;
const EXAMPLES: usize = 12;

/// A network of one hidden layer of tanh that fits a curve: the mean of `(sum_j v_j tanh(a_j x + b_j) - y)^2 / 2`, each
/// example in single precision, their mean in double, as the engine has it.
struct Curve;

impl Curve {
    fn example(i: usize) -> (f32, f32) {
        let x = -1.5 + 3.0 * i as f32 / (EXAMPLES - 1) as f32;
        (x, (3.0 * x).sin() + 1.7 * x)
    }

    fn forward(w: &[f32], x: f32) -> ([f32; HIDDEN], f32) {
        let hidden: [f32; HIDDEN] = std::array::from_fn(|j| (w[j] * x + w[HIDDEN + j]).tanh());
        let output = (0..HIDDEN).map(|j| w[2 * HIDDEN + j] * hidden[j]).sum();
        (hidden, output)
    }
}

impl Objective<f32> for Curve {
    fn dim(&self) -> usize {
        DIM
    }

    fn linearize(&mut self, w: &[f32], gradient: &mut [f32]) -> Result<f64, Error> {
        gradient.fill(0.0);
        for (x, y) in (0..EXAMPLES).map(Self::example) {
            let (hidden, output) = Self::forward(w, x);
            let residual = (output - y) / EXAMPLES as f32;
            for j in 0..HIDDEN {
                let inner = residual * w[2 * HIDDEN + j] * (1.0 - hidden[j] * hidden[j]);
                gradient[j] += inner * x;
                gradient[HIDDEN + j] += inner;
                gradient[2 * HIDDEN + j] += residual * hidden[j];
            }
        }
        self.loss(w)
    }

    fn hessian_vector(&mut self, _: &[f32], _: &mut [f32]) -> Result<(), Error> {
        unreachable!("no linesearch asks for it")
    }

    fn loss(&mut self, w: &[f32]) -> Result<f64, Error> {
        let of = |(x, y): (f32, f32)| f64::from(0.5_f32 * (Self::forward(w, x).1 - y).powi(2));
        Ok((0..EXAMPLES).map(Self::example).map(of).sum::<f64>() / EXAMPLES as f64)
    }
}

/// Numbers of a deviation of about 1.
fn start(seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / 8_388_608.0 - 1.0) * 1.7
    };
    (0..DIM).map(|_| next()).collect()
}

/// The longest row of rates below a millionth of the median of those that moved.
fn longest(rates: &[f64]) -> usize {
    let mut moved: Vec<f64> = rates.iter().copied().filter(|rate| *rate > 0.0).collect();
    moved.sort_by(f64::total_cmp);
    let limit = moved.get(moved.len() / 2).map_or(0.0, |median| 1e-6 * median);
    let mut row = 0;
    rates.iter().fold(0, |most, rate| {
        row = if *rate <= limit { row + 1 } else { 0 };
        most.max(row)
    })
}

#[test]
fn none_freezes_in_single_precision() {
    for tuner in ["armijo", "wolfe", "sls", "pal"] {
        for optimizer in ["gd", "momentum", "nesterov", "rmsprop", "adam", "adamw"] {
            for seed in 0..3 {
                let made = optimizers::build::<f32>(optimizer, BTreeMap::new()).unwrap();
                let search = tuners::build(tuner, BTreeMap::new()).unwrap();
                let mut trainer = Trainer::new(DIM, made, search, Lanczos::top(1, 0)).unwrap().in_full_batch();
                let mut w = start(seed);
                let reports: Vec<_> = (0..400).map(|_| trainer.step(&mut Curve, &mut w).unwrap()).collect();
                let rates: Vec<f64> = reports.iter().map(|report| report.learning_rate).collect();
                let (row, events) = (longest(&rates), trainer.tuner().events());
                assert!(row < 20, "{tuner} {optimizer} {seed}: {row} steps, {events:?}");
                let (first, last) = (reports[0].loss, reports[399].loss);
                assert!(last < 0.2 * first, "{tuner} {optimizer} {seed}: from {first} to {last}, {events:?}");
            }
        }
    }
}

/// An update of zero, of which momentum has made a gradient that is not: in full batch it starts anew, in mini-batches there is
/// no step.
#[test]
fn momentum_starts_anew_where_it_leads_uphill() {
    for full in [true, false] {
        let options = ArmijoOptions { c: 0.0, c_plus: 1.0, c_minus: 0.75, delta: 0.0, max_tries: None };
        let (momentum, armijo) = (Momentum::new(0.5).unwrap(), Armijo::new(options).unwrap());
        let trainer = Trainer::new(1, Box::new(momentum), Box::new(armijo), Lanczos::top(1, 0)).unwrap();
        let mut trainer = if full { trainer.in_full_batch() } else { trainer };
        // The loss is 0.5 a (w - 1)^2: with a = 1.5 and rate 1 from w = 2 it goes to 0.5, with m = 1.5 and then g = -0.75.
        let mut objective = Quadratic::new(&[1.5]);
        let mut w = [2.0];
        assert_eq!(trainer.step(&mut objective, &mut w).unwrap().learning_rate, 1.0);
        assert_eq!(w, [0.5]);
        // m = -0.75 + 0.75 = 0: no descent. Anew: m = -0.75, u = 0.75, and the rate 1 leads to 1.25.
        let report = trainer.step(&mut objective, &mut w).unwrap();
        let (rate, at) = if full { (1.0, 1.25) } else { (0.0, 0.5) };
        assert_eq!((report.learning_rate, w[0]), (rate, at));
        assert_eq!(trainer.tuner().events().non_descent, 1);
    }
}

/// On `0.5 a (w - 1)^2` with a = 1e4 a rate below 2e-4 is needed, which three tries by halves from 1 do not reach. In full batch the
/// next search goes on: 1, 1/2, 1/4; 1/8, 1/16, 1/32; ... and after 2^-13 = 1.2e-4 in the fifth step there is a step.
#[test]
fn a_search_without_tries_left_goes_on_in_full_batch() {
    for full in [true, false] {
        let options = ArmijoOptions { c: 0.0, c_plus: 1.0, c_minus: 0.5, delta: 0.0, max_tries: Some(3) };
        let armijo = Box::new(Armijo::new(options).unwrap());
        let trainer = Trainer::<f64>::new(1, Box::new(optimizers::Gd), armijo, Lanczos::top(1, 0)).unwrap();
        let mut trainer = if full { trainer.in_full_batch() } else { trainer };
        let (mut objective, mut w) = (Quadratic::new(&[1e4]), [2.0]);
        let rates: Vec<f64> = (0..6).map(|_| trainer.step(&mut objective, &mut w).unwrap().learning_rate).collect();
        let step = 0.5_f64.powi(13);
        assert_eq!(rates, if full { [0.0, 0.0, 0.0, 0.0, step, step] } else { [0.0; 6] });
    }
}
