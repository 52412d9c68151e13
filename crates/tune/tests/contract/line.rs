//! What a line answers beyond slope and curvature.

use onedge_objective::Objective;
use onedge_spectrum::Lanczos;
use onedge_tune::optimizers::Gd;
use onedge_tune::tuners::Constant;
use onedge_tune::{Change, Error, Events, Line, Needs, State, Trainer, Tuner};

use crate::problems::{Counted, PRICES, Quadratic, Rosenbrock};

/// A constant rate, with everything kept that can be.
struct Keeping(f64, Events);

impl Tuner for Keeping {
    fn needs(&self) -> Needs {
        Needs { previous_gradient: true, first_point: true, ..Needs::default() }
    }

    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        line.slope()?;
        Ok(self.0)
    }

    fn events(&self) -> &Events {
        &self.1
    }

    fn state(&self) -> State<f64> {
        State::new()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        Ok(state.reader("keeping").finish()?)
    }
}

fn trainer(tuner: impl Tuner + 'static) -> Trainer<f64> {
    Trainer::new(2, Box::new(Gd), Box::new(tuner), Lanczos::top(1, 0)).unwrap()
}

#[test]
fn changes_and_distances_by_hand() {
    // On 1/2 (w1 - 1)^2 + 3/2 (w2 - 1)^2 from (5, 3): g = (4, 6), and rate 1/2 gives s = (-2, -3), y = (-2, -9).
    let (mut trainer, mut w) = (trainer(Keeping(0.5, Events::default())), [5.0, 3.0]);
    let mut objective = Quadratic::new(&[1.0, 3.0]);
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    assert_eq!(step.line().change().unwrap(), None);
    assert_eq!(step.line().distance().unwrap(), Some(0.0));
    assert_eq!(step.line().parameter_norm().unwrap(), 34.0_f64.sqrt());
    step.finish().unwrap();
    // A step that is begun twice has the same past.
    drop(trainer.begin(&mut objective, &mut w).unwrap());
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    let Change { step_square, product, gradient_square } = step.line().change().unwrap().unwrap();
    assert!((step_square - 13.0).abs() < 1e-12 && (product - 31.0).abs() < 1e-12);
    assert_eq!((gradient_square, step.line().distance().unwrap()), (85.0, Some(13.0_f64.sqrt())));
    step.finish().unwrap();
    // s = -1/2 (2, -3), so w = (2, 1.5): three from the first point on one side, 1.5 on the other.
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    assert_eq!(step.line().distance().unwrap(), Some((9.0_f64 + 2.25).sqrt()));
}

#[test]
fn norms_and_cosines_by_hand() {
    // From (5, 3): g = (4, 6), and rate 1/2 leads to (3, 0) with g = (2, -3) and g.u = -8 + 18 along the u before.
    let (mut trainer, mut w) = (trainer(Constant::new(0.5).unwrap()), [5.0, 3.0]);
    let mut objective = Quadratic::new(&[1.0, 3.0]);
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    assert_eq!(
        (step.line().step(), step.line().previous_cosine(), step.line().previous_learning_rate()),
        (0, None, None)
    );
    assert!((step.line().gradient_norm().unwrap() - 52.0_f64.sqrt()).abs() < 1e-14);
    step.finish().unwrap();
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    assert_eq!((step.line().step(), step.line().previous_learning_rate()), (1, Some(0.5)));
    assert!((step.line().gradient_norm().unwrap() - 13.0_f64.sqrt()).abs() < 1e-14);
    assert!((step.line().update_norm().unwrap() - 13.0_f64.sqrt()).abs() < 1e-14);
    assert!((step.line().previous_cosine().unwrap() - 10.0 / 26.0).abs() < 1e-14);
    assert!((step.line().slope().unwrap() + 13.0).abs() < 1e-14);
    assert_eq!((step.previous_update(), step.preconditioner()), (Some(&[-4.0, -6.0][..]), None));
    let needs = Needs { previous_gradient: true, first_point: true, ..Needs::default() };
    assert_eq!((trainer.needs(), self::trainer(Keeping(0.5, Events::default())).needs()), (Needs::default(), needs));
}

#[test]
fn what_nobody_needs_is_not_kept() {
    let (mut trainer, mut w) = (trainer(Constant::new(0.5).unwrap()), [5.0, 3.0]);
    let mut objective = Quadratic::new(&[1.0, 3.0]);
    trainer.step(&mut objective, &mut w).unwrap();
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    assert_eq!((step.line().change().unwrap(), step.line().distance().unwrap()), (None, None));
    assert_eq!(trainer.state().trainer.vectors.keys().collect::<Vec<_>>(), ["update"]);
}

#[test]
fn a_trial_gives_the_slope_there_and_leaves_the_curvature_here() {
    let (mut trainer, mut w) = (trainer(Keeping(0.001, Events::default())), [-1.2, 1.0]);
    let mut objective = Counted { inner: Rosenbrock::new(), spent: 0.0 };
    let (mut here, mut there, rate) = ([0.0; 2], [0.0; 2], 0.002);
    objective.inner.linearize(&w, &mut here).unwrap();
    let u = here.map(|g: f64| -g);
    let expected = objective.inner.curvature(&u[..]).unwrap();
    let point = [w[0] + rate * u[0], w[1] + rate * u[1]];
    let value = objective.inner.linearize(&point, &mut there).unwrap();
    let slope = there[0] * u[0] + there[1] * u[1];

    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    let trial = step.line().trial(rate).unwrap();
    assert!((trial.slope - slope).abs() < 1e-9 * slope.abs() && trial.value == value);
    // Asked twice, linearised once more at w.
    assert_eq!(step.line().curvature().unwrap(), expected);
    assert_eq!(step.line().curvature().unwrap(), expected);
    step.line().trial(2.0 * rate).unwrap();
    step.measure_sharpness(onedge_tune::Metric::Hessian).unwrap();
    let products = step.spectrum(onedge_tune::Metric::Hessian).unwrap().products as f64;
    let report = step.finish().unwrap();
    let spent = 4.0 * PRICES.linearize + PRICES.curvature + products * PRICES.hessian_vector;
    assert_eq!((report.cost, report.diagnostics_cost), (PRICES.linearize, spent));
    assert_eq!(objective.spent, report.cost + report.diagnostics_cost);
    // The gradient of the step is still that at w.
    assert_eq!(w, [-1.2 + 0.001 * u[0], 1.0 + 0.001 * u[1]]);
}

#[test]
fn a_trial_that_is_not_finite_is_no_error() {
    let (mut trainer, mut w) = (trainer(Constant::new(0.0).unwrap()), [-1.2, 1.0]);
    let mut objective = Rosenbrock::new();
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    let trial = step.line().trial(1e200).unwrap();
    assert!(!trial.value.is_finite() && trial.slope.is_nan());
    assert!(step.line().curvature().unwrap().is_finite());
}
