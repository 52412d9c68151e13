//! What the formulas promise.

use onedge_objective::{FnObjective, Objective, vector};
use onedge_registry::Value;
use onedge_spectrum::Lanczos;
use onedge_tune::optimizers::Gd;
use onedge_tune::tuners::{Armijo, ArmijoOptions, Cdat, Constant, Greedy, OnEdge, Wolfe, WolfeOptions};
use onedge_tune::{Error, Optimizer, State, Trainer, Tuner, optimizers, tuners};
use proptest::prelude::*;

use crate::problems::{Quadratic, Rosenbrock, given};

/// The same update whatever the gradient.
struct Fixed(Vec<f64>);

impl Optimizer<f64> for Fixed {
    fn direction(&mut self, _: &[f64], _: &[f64], u: &mut [f64]) -> Result<(), Error> {
        u.copy_from_slice(&self.0);
        Ok(())
    }

    fn preconditioner(&self) -> Option<&[f64]> {
        None
    }

    fn edge(&self) -> Option<f64> {
        Some(2.0)
    }

    fn duplicate(&self) -> Box<dyn Optimizer<f64>> {
        Box::new(Self(self.0.clone()))
    }

    fn state(&self) -> State<f64> {
        State::new()
    }

    fn restore(&mut self, _: State<f64>) -> Result<(), Error> {
        Ok(())
    }
}

fn trainer(dim: usize, optimizer: impl Optimizer<f64> + 'static, tuner: impl Tuner + 'static) -> Trainer<f64> {
    Trainer::new(dim, Box::new(optimizer), Box::new(tuner), Lanczos::top(1, 0)).unwrap()
}

fn loss(objective: &mut Quadratic, w: &[f64]) -> f64 {
    objective.loss(w).unwrap()
}

#[test]
fn on_edge_leaves_the_loss_of_a_quadratic_unchanged() {
    for entry in optimizers::ALL {
        let tuners: [Box<dyn Tuner>; 2] = [Box::new(OnEdge::paper()), Box::new(Cdat::paper())];
        for tuner in tuners {
            let optimizer = crate::problems::optimizer(entry.name, given(entry), 3);
            let mut trainer = Trainer::new(3, optimizer, tuner, Lanczos::top(1, 0)).unwrap();
            let (mut objective, mut w) = (Quadratic::new(&[1.0, 4.0, 9.0]), [2.0, -0.5, 1.7]);
            let first = loss(&mut objective, &w);
            for step in 0..10 {
                trainer.step(&mut objective, &mut w).unwrap();
                let last = loss(&mut objective, &w);
                assert!((last - first).abs() < 1e-11 * first, "{} at step {step}: {last} {first}", entry.name);
            }
        }
    }
}

/// A method with the constant rate eta on `lambda w^2 / 2` contracts just under its edge and grows just over it.
/// A huge eps makes the preconditioner constant, as the edge supposes.
#[test]
fn every_edge_is_where_the_optimizer_says() {
    for entry in optimizers::ALL {
        for (share, stable) in [(0.98, true), (1.02, false)] {
            let mut settings = given(entry);
            let values = [("eps", 1e24), ("decay", 0.0)];
            for (key, value) in values.into_iter().filter(|(key, _)| entry.settings.iter().any(|s| s.key == *key)) {
                settings.insert(key.to_owned(), Value::Number(value));
            }
            let lambda = 4.0;
            let mut probe = crate::problems::optimizer::<f64>(entry.name, settings.clone(), 1);
            probe.direction(&[1.0], &[lambda], &mut [0.0]).unwrap();
            let preconditioner = probe.preconditioner().map_or(1.0, |p| p[0]);
            // A method that scales its own updates has none.
            let Some(edge) = probe.edge() else { continue };
            let rate = share * edge * preconditioner / lambda;
            let optimizer = crate::problems::optimizer(entry.name, settings, 1);
            let mut trainer =
                Trainer::new(1, optimizer, Box::new(Constant::new(rate).unwrap()), Lanczos::top(1, 0)).unwrap();
            let (mut objective, mut w) = (Quadratic::new(&[lambda]), [1.00001_f64]);
            // Adam's bias correction makes the first steps far too long, so only the second half counts; and all of it, as
            // adagrad's diagonal grows until what ran away comes back.
            let mut farthest = 0.0_f64;
            for step in 0..2000 {
                let finished = trainer.step(&mut objective, &mut w).is_ok();
                let distance = if finished { (w[0] - 1.0).abs() } else { f64::INFINITY };
                farthest = if step < 1000 { 0.0 } else { farthest.max(distance) };
            }
            let distance = (w[0] - 1.0).abs();
            let as_said = if stable { distance < 1e-8 } else { farthest > 1.0 };
            assert!(as_said, "{} at {share} of its edge: {distance}, at most {farthest}", entry.name);
        }
    }
}

/// Where the search does not give up, its rate meets both conditions, on lines that are no parabolas, from rates that are far too
/// short, about right and far too long.
#[test]
fn wolfe_finds_rates_that_meet_its_conditions() {
    type Curve = (fn(f64) -> f64, fn(f64) -> f64);
    let curves: [Curve; 5] = [
        (|w| w.powi(4) - 3.0 * w.powi(3) + 2.0, |w| 4.0 * w.powi(3) - 9.0 * w * w),
        (|w| w * w + 0.5 * (5.0 * w).sin(), |w| 2.0 * w + 2.5 * (5.0 * w).cos()),
        (|w| w.exp() - 2.0 * w, |w| w.exp() - 2.0),
        (|w| w.cosh().ln(), f64::tanh),
        (|w| (1.0 + w * w).sqrt() + 0.1 * w * w, |w| w / (1.0 + w * w).sqrt() + 0.2 * w),
    ];
    let mut found = 0;
    for (f, slope) in curves {
        for start in [-1.7, -0.3, 0.9, 2.9] {
            for (c1, c2, first) in [(0.05, 0.1, 1e-3), (0.05, 0.1, 0.2), (0.2, 0.3, 1.0), (0.05, 0.1, 40.0)] {
                let mut objective = FnObjective::of_gradient(1, |w, g| {
                    g[0] = slope(w[0]);
                    f(w[0])
                })
                .unwrap();
                let tuner = Wolfe::new(WolfeOptions { c1, c2, first, cap: 1e6, max_tries: 40 }).unwrap();
                let (mut trainer, mut w) = (trainer(1, Gd, tuner), [start]);
                let report = trainer.step(&mut objective, &mut w).unwrap();
                let (rate, down) = (report.learning_rate, -slope(start) * slope(start));
                let what = format!("from {start}, first {first}: rate {rate}, {:?}", trainer.tuner().events());
                assert_eq!((trainer.tuner().events().gave_up, trainer.tuner().events().capped), (0, 0), "{what}");
                assert!(f(w[0]) <= f(start) + c1 * rate * down + 1e-12, "{what}");
                assert!(slope(w[0]).abs() <= c2 * slope(start).abs() + 1e-12, "{what}");
                found += 1;
            }
        }
    }
    assert_eq!(found, 80);
}

/// A slope of exactly zero is no descent, and told.
#[test]
fn a_slope_of_zero_is_counted() {
    for entry in tuners::ALL.iter().filter(|entry| ["cdat", "greedy", "on-edge"].contains(&entry.name)) {
        let tuner = tuners::build(entry.name, given(entry)).unwrap();
        let mut trainer = Trainer::new(1, Box::new(Fixed(vec![0.0])), tuner, Lanczos::top(1, 0)).unwrap();
        let report = trainer.step(&mut Quadratic::new(&[2.0]), &mut [3.0]).unwrap();
        assert_eq!((report.learning_rate, trainer.tuner().events().non_descent), (0.0, 1), "{}", entry.name);
    }
}

proptest! {
    /// Greedy on a quadratic is exact linesearch: the next gradient is orthogonal to the update.
    #[test]
    fn greedy_is_exact_on_a_quadratic(
        a in prop::collection::vec(0.1..50.0_f64, 3),
        start in prop::collection::vec(-3.0..3.0_f64, 3),
    ) {
        let gradient = |w: &[f64]| -> Vec<f64> { a.iter().zip(w).map(|(a, w)| a * (w - 1.0)).collect() };
        let (mut objective, mut w) = (Quadratic::new(&a), start);
        let before = gradient(&w);
        trainer(3, Gd, Greedy::paper()).step(&mut objective, &mut w).unwrap();
        let along = vector::dot(&gradient(&w), &before);
        prop_assert!(along.abs() <= 1e-11 * vector::dot(&before, &before).max(1e-12), "{along}");
    }

    /// With gradient descent and positive curvature, eta lambda_max >= sigma, by the Rayleigh quotient.
    #[test]
    fn cdat_is_never_under_sigma_over_sharpness(
        a in prop::collection::vec(0.01..100.0_f64, 6),
        start in prop::collection::vec(-3.0..3.0_f64, 6),
        sigma in 0.5..3.0_f64,
    ) {
        prop_assume!(start.iter().any(|w| (w - 1.0).abs() > 1e-3));
        let sharpness = a.iter().copied().fold(0.0, f64::max);
        let (mut objective, mut w) = (Quadratic::new(&a), start);
        let report = trainer(6, Gd, Cdat::new(sigma, 0.0, 0.0, f64::INFINITY).unwrap()).step(&mut objective, &mut w).unwrap();
        prop_assert!(report.learning_rate * sharpness >= sigma * (1.0 - 1e-12));
    }

    /// Along a fixed update, scaling the loss leaves CDAT's rate, averaged or not.
    #[test]
    fn cdat_does_not_see_the_scale_of_the_loss(
        u in prop::collection::vec(-2.0..2.0_f64, 3),
        factor in 1e-3..1e3_f64,
        beta in prop_oneof![Just(0.0), Just(0.9)],
    ) {
        let a = [0.5, 3.0, 11.0];
        let scaled: Vec<f64> = a.iter().map(|a| a * factor).collect();
        let tuner = || Cdat::new(2.0, 0.0, beta, f64::INFINITY).unwrap();
        let (mut first, mut second) = (trainer(3, Fixed(u.clone()), tuner()), trainer(3, Fixed(u), tuner()));
        let (mut w, mut v) = ([-1.0, 0.3, 2.0], [-1.0, 0.3, 2.0]);
        for _ in 0..3 {
            let rate = first.step(&mut Quadratic::new(&a), &mut w).unwrap().learning_rate;
            let other = second.step(&mut Quadratic::new(&scaled), &mut v).unwrap().learning_rate;
            // Near the end of the line the slope is what rounding left of it.
            prop_assert!((rate - other).abs() <= 1e-9 * (1.0 + rate));
        }
    }

    /// Whatever Armijo accepts satisfies its condition, and what it tried just before did not.
    #[test]
    fn armijo_accepts_the_first_rate_that_satisfies(
        x in -2.0..2.0_f64,
        y in -2.0..2.0_f64,
        c in prop_oneof![Just(0.0), Just(1e-4), Just(0.5)],
        c_minus in prop_oneof![Just(0.8), Just(0.9)],
        delta in prop_oneof![Just(0.0), Just(1e-3)],
    ) {
        prop_assume!((x - 1.0).abs() > 0.05);
        let options = ArmijoOptions { c, c_plus: 4.0, c_minus, delta, max_tries: None };
        let mut trainer = trainer(2, Gd, Armijo::new(options).unwrap());
        let (mut objective, mut w) = (Rosenbrock::new(), [x, y]);
        for _ in 0..5 {
            let from = w;
            let report = trainer.step(&mut objective, &mut w).unwrap();
            let mut gradient = [0.0; 2];
            objective.linearize(&from, &mut gradient).unwrap();
            let mut holds = |rate: f64| {
                let trial = [from[0] - rate * gradient[0], from[1] - rate * gradient[1]];
                let value = objective.loss(&trial[..]).unwrap();
                value <= (1.0 + delta) * report.loss + c * rate * report.slope.unwrap()
            };
            prop_assert!(report.learning_rate > 0.0 && holds(report.learning_rate));
            let tries = report.cost - 3.0;
            prop_assert!(tries == 1.0 || !holds(report.learning_rate / c_minus));
        }
    }
}
