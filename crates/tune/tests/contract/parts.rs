//! Curvature of a part of the batch, in every tuner that can take it.

use std::collections::BTreeMap;

use onedge_objective::{Costs, Error, Objective, Part, Probe};
use onedge_registry::{Entry, Value};
use onedge_spectrum::Lanczos;
use onedge_tune::optimizers::Gd;
use onedge_tune::tuners::{self, BatchSharpness, Cdat, Greedy};
use onedge_tune::{Trainer, Tuner};

use crate::problems::{PRICES, Quadratic};

/// The mean of `1/2 a_i w^2` over examples, with the cost of what is called and the parts that were asked.
struct Bowls {
    a: Vec<f64>,
    w: f64,
    part: Option<Part>,
    spent: f64,
    asked: Vec<usize>,
}

impl Bowls {
    fn new(a: &[f64]) -> Self {
        Self { a: a.to_vec(), w: f64::NAN, part: None, spent: 0.0, asked: Vec::new() }
    }

    fn mean(&self, examples: std::ops::Range<usize>) -> f64 {
        self.a[examples.clone()].iter().sum::<f64>() / examples.len() as f64
    }
}

impl Objective<f64> for Bowls {
    fn dim(&self) -> usize {
        1
    }

    fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        self.spent += PRICES.linearize;
        self.w = w[0];
        gradient[0] = self.mean(0..self.a.len()) * w[0];
        self.loss(w)
    }

    fn curvature(&mut self, u: &[f64]) -> Result<f64, Error> {
        self.spent += PRICES.curvature;
        Ok(self.mean(0..self.a.len()) * u[0] * u[0])
    }

    fn set_part(&mut self, part: Option<Part>) -> Result<(), Error> {
        self.part = part;
        Ok(())
    }

    fn part_curvature(&mut self, u: &[f64]) -> Result<f64, Error> {
        let part = self.part.ok_or(Error::NoPart { probe: Probe::PartCurvature })?;
        self.asked.push(part.index);
        self.spent += PRICES.curvature / part.of as f64;
        Error::require_finite(Probe::PartCurvature, self.mean(part.range(self.a.len())) * u[0] * u[0])
    }

    fn part_gradient(&mut self, gradient: &mut [f64]) -> Result<(), Error> {
        let part = self.part.ok_or(Error::NoPart { probe: Probe::PartGradient })?;
        self.spent += PRICES.linearize / part.of as f64;
        gradient[0] = self.mean(part.range(self.a.len())) * self.w;
        Ok(())
    }

    fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        out[0] = self.mean(0..self.a.len()) * v[0];
        Ok(())
    }

    fn loss(&mut self, w: &[f64]) -> Result<f64, Error> {
        Ok(0.5 * self.mean(0..self.a.len()) * w[0] * w[0])
    }

    fn costs(&self) -> Costs {
        PRICES
    }
}

fn trainer(tuner: Box<dyn Tuner>) -> Trainer<f64> {
    Trainer::new(1, Box::new(Gd), tuner, Lanczos::top(1, 0)).unwrap()
}

fn able() -> impl Iterator<Item = &'static &'static Entry<tuners::Make>> {
    tuners::ALL.iter().filter(|entry| entry.settings.iter().any(|setting| setting.key == "curvature_parts"))
}

fn build(name: &str, parts: i64) -> Box<dyn Tuner> {
    let mut settings = BTreeMap::from([("curvature_parts".to_owned(), Value::Integer(parts))]);
    // The recommended preset evaluates its first step beside, and does not measure at every one.
    if name == "cdat" {
        settings.insert("preset".to_owned(), Value::Text("paper".to_owned()));
    }
    tuners::build(name, settings).unwrap()
}

#[test]
fn by_hand() {
    // a = 2 and 6: g = 4 w, so the rate is 16 / (16 a_i) = 1/2, then 1/6: w = 1, -1, -1/3.
    let (mut trainer, mut w) = (trainer(Box::new(Greedy::paper().measuring_parts(2).unwrap())), [1.0]);
    let mut objective = Bowls::new(&[2.0, 6.0]);
    let report = trainer.step(&mut objective, &mut w).unwrap();
    assert_eq!((report.learning_rate, report.slope, w), (0.5, Some(-16.0), [-1.0]));
    assert_eq!((report.curvature, report.part_curvature), (None, Some(32.0)));
    assert_eq!((report.cost, objective.spent), (PRICES.linearize + PRICES.curvature / 2.0, report.cost));
    let report = trainer.step(&mut objective, &mut w).unwrap();
    assert!((report.learning_rate - 1.0 / 6.0).abs() < 1e-15 && (w[0] + 1.0 / 3.0).abs() < 1e-15);
    assert_eq!(objective.asked, [0, 1]);
}

#[test]
fn who_can_take_a_part() {
    assert_eq!(able().map(|entry| entry.name).collect::<Vec<_>>(), ["greedy", "on-edge", "cdat", "controlled"]);
}

#[test]
fn parts_come_in_turn_at_their_share_of_the_cost() {
    for entry in able() {
        let mut objective = Bowls::new(&[1.0, 2.0, 2.5, 0.5, 1.5, 3.0]);
        let (mut trainer, mut w) = (trainer(build(entry.name, 3)), [1.0]);
        for _ in 0..7 {
            let before = objective.spent;
            let report = trainer.step(&mut objective, &mut w).unwrap();
            assert!((report.cost - (objective.spent - before)).abs() < 1e-12, "{}", entry.name);
            assert!((report.cost - PRICES.linearize - PRICES.curvature / 3.0).abs() < 1e-12, "{}", entry.name);
        }
        assert_eq!(objective.asked, [0, 1, 2, 0, 1, 2, 0], "{}", entry.name);
    }
}

#[test]
fn steps_that_do_not_measure_leave_the_turn() {
    let tuner =
        Cdat::new(0.5, 0.0, 0.5, f64::INFINITY).unwrap().measuring_every(2).unwrap().measuring_parts(2).unwrap();
    let (mut trainer, mut w) = (trainer(Box::new(tuner)), [1.0]);
    let mut objective = Bowls::new(&[2.0, 3.0]);
    for _ in 0..6 {
        trainer.step(&mut objective, &mut w).unwrap();
    }
    assert_eq!(objective.asked, [0, 1, 0]);
}

#[test]
fn equal_parts_change_nothing() {
    for entry in able() {
        let rates = |parts| {
            let (mut trainer, mut w) = (trainer(build(entry.name, parts)), [1.0]);
            let mut objective = Bowls::new(&[3.0; 8]);
            (0..5).map(|_| trainer.step(&mut objective, &mut w).unwrap().learning_rate).collect::<Vec<_>>()
        };
        assert_eq!(rates(1), rates(4), "{}", entry.name);
    }
}

#[test]
fn a_stored_run_goes_on_with_the_part_that_is_next() {
    for entry in able() {
        let mut objective = Bowls::new(&[1.0, 2.0, 2.5, 0.5, 1.5, 3.0]);
        let (mut first, mut w) = (trainer(build(entry.name, 4)), [1.0]);
        for _ in 0..3 {
            first.step(&mut objective, &mut w).unwrap();
        }
        let mut second = trainer(build(entry.name, 4));
        second.restore(first.state()).unwrap();
        let mut copy = w;
        for _ in 0..6 {
            let expected = first.step(&mut objective, &mut w).unwrap();
            assert_eq!(second.step(&mut objective, &mut copy).unwrap(), expected, "{}", entry.name);
        }
        // One that takes no parts may take over, and the other way round.
        for (from, to) in [(4, 1), (1, 4)] {
            let mut before = trainer(build(entry.name, from));
            before.step(&mut objective, &mut [1.0]).unwrap();
            let mut after = trainer(build(entry.name, to));
            after.restore(before.state()).unwrap();
            assert_eq!(after.step(&mut objective, &mut [0.5]).unwrap().step, 1, "{}", entry.name);
        }
    }
}

#[test]
fn what_is_no_mean_over_examples_is_refused() {
    for entry in able() {
        let error = trainer(build(entry.name, 2)).step(&mut Quadratic::new(&[2.0]), &mut [3.0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "step 0: curvature of a part of the batch: expected an objective that knows it, got one that does not; try a \
             model and loss of the library"
        );
    }
}

fn by_batches(parts: usize, beta: f64) -> Trainer<f64> {
    trainer(Box::new(BatchSharpness::new(1.0, beta).unwrap().of_parts(parts).unwrap()))
}

#[test]
fn batch_sharpness_takes_gradient_and_curvature_of_a_part() {
    // a = 2 and 6: along its own gradient a part's sharpness is its a, so the rates are 1/2, then 1/6; g = 4 w.
    let (mut trainer, mut w, mut objective) = (by_batches(2, 0.0), [1.0], Bowls::new(&[2.0, 6.0]));
    let report = trainer.step(&mut objective, &mut w).unwrap();
    assert_eq!((report.learning_rate, report.slope, report.curvature, w), (0.5, None, None, [-1.0]));
    let half = (PRICES.linearize + PRICES.curvature) / 2.0;
    assert_eq!((report.cost, objective.spent), (PRICES.linearize + half, report.cost));
    let report = trainer.step(&mut objective, &mut w).unwrap();
    assert!((report.learning_rate - 1.0 / 6.0).abs() < 1e-15);
    assert_eq!(objective.asked, [0, 1]);
    // With averages: n = 1/2 (4) and then 1/4 (4) + 1/2 (36), d = 1/2 (8), then 1/4 (8) + 1/2 (216); the first step leads to -1.
    let (mut trainer, mut w) = (by_batches(2, 0.5), [1.0]);
    trainer.step(&mut objective, &mut w).unwrap();
    let report = trainer.step(&mut objective, &mut w).unwrap();
    assert!((report.learning_rate - 19.0 / 110.0).abs() < 1e-15, "{report:?}");
}

#[test]
fn a_stored_run_by_batch_sharpness_goes_on_with_the_part_that_is_next() {
    let mut objective = Bowls::new(&[1.0, 2.0, 2.5, 0.5, 1.5, 3.0]);
    let (mut first, mut w) = (by_batches(4, 0.9), [1.0]);
    for _ in 0..3 {
        first.step(&mut objective, &mut w).unwrap();
    }
    let mut second = by_batches(4, 0.9);
    second.restore(first.state()).unwrap();
    let mut copy = w;
    for _ in 0..6 {
        let expected = first.step(&mut objective, &mut w).unwrap();
        assert_eq!(second.step(&mut objective, &mut copy).unwrap(), expected);
    }
    assert_eq!(objective.asked[..5], [0, 1, 2, 3, 3]);
    let error = by_batches(2, 0.0).step(&mut Quadratic::new(&[2.0]), &mut [3.0]).unwrap_err();
    assert!(
        error.to_string().starts_with("step 0: curvature of a part of the batch: expected an objective"),
        "{error}"
    );
}

#[test]
fn a_part_is_measured_once_a_step() {
    let tuner = Greedy::paper().measuring_parts(2).unwrap();
    let (mut trainer, mut w) = (trainer(Box::new(tuner)), [1.0]);
    let mut objective = Bowls::new(&[1.0, 3.0, 2.0, 6.0]);
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    step.learning_rate().unwrap();
    let first = step.line().part_curvature().unwrap();
    assert_eq!(step.line().part_curvature().unwrap(), first);
    drop(step);
    assert_eq!(objective.asked, [0]);
}
