//! The training step itself.

use std::sync::{Arc, Mutex};

use onedge_objective::{Error as ObjectiveError, Layer, Objective, Probe};
use onedge_spectrum::{Lanczos, Wanted, alignment};
use onedge_tune::optimizers::{Gd, Mechanic, Momentum, RmsProp, ScheduleFreeSgd};
use onedge_tune::tuners::{Armijo, Cdat, Constant, Hypergradient, Schedule, Sharpness};
use onedge_tune::{Error, LossLimit, Metric, Optimizer, State, Trainer, Tuner};

use crate::problems::{Counted, PRICES, Quadratic};

fn trainer(dim: usize, optimizer: impl Optimizer<f64> + 'static, tuner: impl Tuner + 'static) -> Trainer<f64> {
    let spectrum = Lanczos { tolerance: 1e-9, ..Lanczos::top(2, 0) };
    Trainer::new(dim, Box::new(optimizer), Box::new(tuner), spectrum).unwrap()
}

#[test]
fn two_steps_by_hand() {
    // On (w - 1)^2 from w = 3: g = 4, then with m = g + 0.5 m and rate 0.25 w = 2, g = 2, m = 4, w = 1.
    let (mut trainer, mut w) =
        (trainer(1, Momentum::new(0.5).unwrap(), Cdat::new(0.5, 0.0, 0.0, 0.25).unwrap()), [3.0]);
    let mut objective = Quadratic::new(&[2.0]);
    let report = trainer.step(&mut objective, &mut w).unwrap();
    assert_eq!((report.loss, report.slope, report.curvature), (4.0, Some(-16.0), Some(32.0)));
    assert_eq!((report.learning_rate, report.gradient_norm, report.update_norm), (0.25, 4.0, 4.0));
    assert_eq!((report.update_cosine, report.cost, w), (None, 6.0, [2.0]));
    let report = trainer.step(&mut objective, &mut w).unwrap();
    assert_eq!((report.loss, report.slope, report.curvature), (1.0, Some(-8.0), Some(32.0)));
    assert_eq!((report.learning_rate, report.update_cosine, w), (0.125, Some(1.0), [1.5]));
    assert_eq!((trainer.steps(), trainer.cost()), (2, 12.0));
}

#[test]
fn a_step_can_be_inspected_before_it_is_taken() {
    let (mut trainer, mut w) = (trainer(2, Gd, Constant::new(0.1).unwrap()), [2.0, 3.0]);
    let mut objective = Counted { inner: Quadratic::new(&[5.0, 1.0]), spent: 0.0 };
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    assert_eq!((step.w(), step.gradient(), step.update()), (&[2.0, 3.0][..], &[5.0, 2.0][..], &[-5.0, -2.0][..]));
    assert!(step.previous_update().is_none() && step.spectrum(Metric::Hessian).is_none());
    let spectrum = step.measure_sharpness(Metric::Hessian).unwrap();
    let values: Vec<f64> = spectrum.algebraic().map(|pair| pair.value).collect();
    assert!((values[0] - 5.0).abs() < 1e-12 && (values[1] - 1.0).abs() < 1e-12);
    let (products, v) = (spectrum.products, spectrum.largest().unwrap().vector.clone());
    assert!((alignment::alignment(step.update(), &v) - 25.0 / 29.0).abs() < 1e-12);
    assert_eq!(step.line().curvature().unwrap(), 129.0);
    assert_eq!(step.learning_rate().unwrap(), 0.1);
    let report = step.finish().unwrap();
    assert_eq!((report.cost, w), (PRICES.linearize, [1.5, 2.8]));
    assert_eq!(report.diagnostics_cost, PRICES.curvature + products as f64 * PRICES.hessian_vector);
    assert!((report.sharpness.unwrap() - 5.0).abs() < 1e-12 && report.preconditioned_sharpness.is_none());
    assert_eq!(trainer.diagnostics_cost(), report.diagnostics_cost);
}

#[test]
fn a_spectrum_that_did_not_converge_is_reported() {
    for (max_products, converged) in [(1, false), (5, true)] {
        let spectrum = Lanczos { max_products, ..Lanczos::top(1, 0) };
        let mut trainer = Trainer::new(2, Box::new(Gd), Box::new(Sharpness::paper()), spectrum).unwrap();
        let report = trainer.step(&mut Quadratic::new(&[5.0, 1.0]), &mut [2.0, 3.0]).unwrap();
        assert_eq!(report.spectra_converged, converged);
    }
}

#[test]
fn a_sharpness_that_was_measured_is_shared_with_the_tuner_on_its_bill() {
    let (mut trainer, mut w) = (trainer(2, Gd, Sharpness::new(2.0).unwrap()), [2.0, 3.0]);
    let mut objective = Counted { inner: Quadratic::new(&[5.0, 1.0]), spent: 0.0 };
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    step.measure_sharpness(Metric::Hessian).unwrap();
    let report = step.finish().unwrap();
    assert!((report.learning_rate - 0.4).abs() < 1e-12);
    assert_eq!((report.cost, report.diagnostics_cost), (objective.spent, 0.0));
}

#[test]
fn each_spectrum_is_told_where_it_was_measured() {
    let (hessian, preconditioned) = (Metric::Hessian, Metric::Preconditioned);
    let measured = |optimizer: Box<dyn Optimizer<f64>>, metric| {
        let tuner = Box::new(Constant::new(0.1).unwrap());
        let (mut trainer, mut w) = (Trainer::new(2, optimizer, tuner, Lanczos::top(1, 0)).unwrap(), [2.0, 3.0]);
        let mut objective = Quadratic::new(&[5.0, 1.0]);
        let mut step = trainer.begin(&mut objective, &mut w).unwrap();
        step.measure_sharpness(metric).unwrap();
        [hessian, preconditioned].map(|metric| step.spectrum(metric).is_some())
    };
    // Without a diagonal both are the same.
    assert_eq!(measured(Box::new(Gd), preconditioned), [true, true]);
    assert_eq!(measured(Box::new(Gd), hessian), [true, true]);
    assert_eq!(measured(Box::new(RmsProp::paper()), hessian), [true, false]);
    assert_eq!(measured(Box::new(RmsProp::paper()), preconditioned), [false, true]);
}

#[test]
fn the_point_to_evaluate_is_the_optimizers() {
    let one = || Constant::new(1.0).unwrap();
    let (mut objective, mut w) = (Quadratic::new(&[1.0, 1.0]), [3.0, 2.0]);
    let mut free = trainer(2, ScheduleFreeSgd::new(0.5, 0.5, 0.0, 0).unwrap(), one());
    assert_eq!(free.evaluation_point(), None);
    free.step(&mut objective, &mut w).unwrap();
    // z, x and y are all half way to the minimum at 1 after the first step.
    assert_eq!((free.evaluation_point(), w), (Some(&[2.0, 1.5][..]), [2.0, 1.5]));
    let mut plain = trainer(2, Gd, one());
    plain.step(&mut objective, &mut w).unwrap();
    assert_eq!(plain.evaluation_point(), None);
}

#[test]
fn sharpness_is_preconditioned_where_the_optimizer_is() {
    // g = (10, 2) and nu = g^2 / 4, eps nearly 0: P = (5, 1), and P^-1 H = diag(1, 4).
    let (mut trainer, mut w) =
        (trainer(2, RmsProp::new(0.75, 1e-18).unwrap(), Sharpness::new(2.0).unwrap()), [3.0, 1.5]);
    let mut objective = Quadratic::new(&[5.0, 4.0]);
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    let diagonal = step.preconditioner().unwrap();
    assert!((diagonal[0] - 5.0).abs() < 1e-9 && (diagonal[1] - 1.0).abs() < 1e-9, "{diagonal:?}");
    let top = step.measure_sharpness(Metric::Preconditioned).unwrap().largest().unwrap().value;
    assert!((top - 4.0).abs() < 1e-9);
    assert!((step.learning_rate().unwrap() - 0.5).abs() < 1e-9);
    let top = step.measure_sharpness(Metric::Hessian).unwrap().largest().unwrap().value;
    assert!((top - 5.0).abs() < 1e-9);
    let report = step.finish().unwrap();
    assert!((report.sharpness.unwrap() - 5.0).abs() < 1e-9);
    assert!((report.preconditioned_sharpness.unwrap() - 4.0).abs() < 1e-9);
}

#[test]
fn the_hypergradient_sees_the_update_before() {
    // On w^2/2 about 1, rate 0.5 halves the distance: the gradient stays opposed to the update, cosine -1.
    let (mut trainer, mut w) = (trainer(1, Gd, Hypergradient::new(0.5, 0.25).unwrap()), [3.0]);
    let mut objective = Quadratic::new(&[1.0]);
    let rates: Vec<f64> = (0..3).map(|_| trainer.step(&mut objective, &mut w).unwrap().learning_rate).collect();
    assert_eq!(rates, [0.5, 0.625, 0.78125]);
}

/// A quadratic that breaks at its third linearisation.
struct Breaking {
    inner: Quadratic,
    calls: usize,
    probe: Probe,
}

impl Breaking {
    fn broken(&self, probe: Probe) -> bool {
        self.calls == 3 && self.probe == probe
    }
}

impl Objective<f64> for Breaking {
    fn dim(&self) -> usize {
        2
    }

    fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, ObjectiveError> {
        self.calls += 1;
        let loss = self.inner.linearize(w, gradient)?;
        if self.broken(Probe::Gradient) {
            gradient[1] = f64::INFINITY;
        }
        Ok(if self.broken(Probe::Loss) { f64::NAN } else { loss })
    }

    fn curvature(&mut self, u: &[f64]) -> Result<f64, ObjectiveError> {
        if self.broken(Probe::Curvature) { Ok(f64::NAN) } else { self.inner.curvature(u) }
    }

    fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.inner.hessian_vector(v, out)?;
        if self.broken(Probe::HessianVector) {
            out[0] = f64::NAN;
        }
        Ok(())
    }

    fn loss(&mut self, w: &[f64]) -> Result<f64, ObjectiveError> {
        if self.broken(Probe::TrialLoss) {
            return Err(ObjectiveError::NonFinite { probe: Probe::TrialLoss, value: f64::INFINITY });
        }
        self.inner.loss(w)
    }
}

/// A rate without end.
struct Endless;

impl Schedule for Endless {
    const NAME: &'static str = "endless";

    fn rate_at(&self, _: u64) -> f64 {
        f64::INFINITY
    }
}

fn break_at(probe: Probe, tuner: impl Tuner + 'static) -> Result<(), String> {
    let mut objective = Breaking { inner: Quadratic::new(&[1.0, 2.0]), calls: 0, probe };
    let (mut trainer, mut w) = (trainer(2, Gd, tuner), [3.0, -1.0]);
    (0..4).try_for_each(|_| trainer.step(&mut objective, &mut w).map(drop)).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_finite_is_named_with_its_step() {
    let message = |probe, value| {
        format!(
            "step 2, {probe}: expected a finite number, got {value}; try smaller steps (the tuner's rate, cap or sigma) or look for non-finite data"
        )
    };
    let cdat = || Cdat::new(1.0, 0.0, 0.0, f64::INFINITY).unwrap();
    assert_eq!(break_at(Probe::Loss, cdat()), Err(message("loss", "NaN")));
    assert_eq!(break_at(Probe::Gradient, cdat()), Err(message("gradient", "inf")));
    assert_eq!(break_at(Probe::Curvature, cdat()), Err(message("curvature", "NaN")));
    assert_eq!(break_at(Probe::HessianVector, Sharpness::paper()), Err(message("hessian-vector product", "NaN")));
    assert_eq!(break_at(Probe::Update, Endless).unwrap_err().split(':').next(), Some("step 0, learning rate"));
}

/// Loss and slope at a trial point, where either of them alone may be no number.
#[test]
fn a_trial_without_a_loss_or_a_slope_has_no_slope() {
    for (probe, finite) in [(Probe::Gradient, true), (Probe::Loss, false), (Probe::Curvature, true)] {
        let mut objective = Breaking { inner: Quadratic::new(&[1.0, 2.0]), calls: 1, probe };
        let (mut trainer, mut w) = (trainer(2, Gd, Constant::new(0.1).unwrap()), [3.0, -1.0]);
        let trial = trainer.begin(&mut objective, &mut w).unwrap().line().trial(0.1).unwrap();
        assert_eq!(trial.value.is_finite(), finite, "{probe}");
        assert_eq!(trial.slope.is_nan(), probe != Probe::Curvature, "{probe}: {trial:?}");
    }
}

#[test]
fn a_trial_that_is_not_finite_is_rejected_and_counted() {
    let mut objective = Breaking { inner: Quadratic::new(&[1.0, 2.5]), calls: 0, probe: Probe::TrialLoss };
    let (mut trainer, mut w) = (trainer(2, Gd, Armijo::paper_mini_batch()), [3.0, -1.0]);
    for _ in 0..4 {
        trainer.step(&mut objective, &mut w).unwrap();
    }
    let events = trainer.tuner().events();
    assert_eq!((events.non_finite, events.gave_up), (30, 1));
}

#[test]
fn refuses_what_cannot_work() {
    let magnitude = Lanczos { wanted: Wanted::Magnitude, ..Lanczos::top(1, 0) };
    let built = Trainer::<f64>::new(2, Box::new(Gd), Box::new(Sharpness::paper()), magnitude);
    assert!(matches!(built, Err(Error::NoLargest)));
    let error = trainer(3, Gd, Sharpness::paper()).step(&mut Quadratic::new(&[1.0]), &mut [0.0]).unwrap_err();
    assert_eq!(error.to_string(), "parameters: expected 3 elements, got 1");
}

#[test]
fn squares_of_gradients_that_overflow_end_the_run() {
    // g = 1e25 is a number in single precision, its square is not: rmsprop divides by infinity.
    let mut objective = Quadratic::new(&[1e25]);
    let (optimizer, tuner) = (Box::new(RmsProp::paper()), Box::new(Constant::new(0.1).unwrap()));
    let mut trainer = Trainer::<f32>::new(1, optimizer, tuner, Lanczos::top(1, 0)).unwrap();
    let error = trainer.step(&mut objective, &mut [2.0]).unwrap_err();
    assert!(matches!(error, Error::NonFinite { step: 0, probe: Probe::Preconditioner, .. }), "{error}");
}

/// Remembers the layers that it was told.
#[derive(Clone, Default)]
struct Listening(Arc<Mutex<Vec<Layer>>>);

impl Optimizer<f64> for Listening {
    fn direction(&mut self, _: &[f64], g: &[f64], u: &mut [f64]) -> Result<(), Error> {
        u.copy_from_slice(g);
        Ok(())
    }

    fn set_layers(&mut self, layers: &[Layer]) -> Result<(), Error> {
        *self.0.lock().unwrap() = layers.to_vec();
        Ok(())
    }

    fn preconditioner(&self) -> Option<&[f64]> {
        None
    }

    fn edge(&self) -> Option<f64> {
        None
    }

    fn duplicate(&self) -> Box<dyn Optimizer<f64>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<f64> {
        State::new()
    }

    fn restore(&mut self, _: State<f64>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn the_optimizer_is_told_layers_that_cover_the_parameters() {
    let layers = Layer::in_order([("weight", vec![2, 2]), ("bias", vec![2])]);
    let listening = Listening::default();
    trainer(6, listening.clone(), Constant::new(0.1).unwrap()).with_layers(&layers).unwrap();
    assert_eq!(*listening.0.lock().unwrap(), layers);
    // An optimizer over another one tells it.
    let listening = Listening::default();
    let over = Mechanic::paper(Box::new(listening.clone()));
    trainer(6, over, Constant::new(1.0).unwrap()).with_layers(&layers).unwrap();
    assert_eq!(*listening.0.lock().unwrap(), layers);
    let refused = trainer(7, Gd, Constant::new(0.1).unwrap()).with_layers(&layers).err().unwrap().to_string();
    assert_eq!(refused, "layers: expected 7 elements, got 6");
}

#[test]
fn a_loss_beyond_the_limit_ends_the_run_before_the_step() {
    // On w^2 at the rate 1.5 the distance doubles and the loss grows fourfold: 1, 4, 16, and 64 is above 20.
    let make = |limit: Option<LossLimit>| {
        let trainer = trainer(1, Momentum::new(0.0).unwrap(), Constant::new(1.5).unwrap());
        limit.into_iter().fold(trainer, Trainer::with_loss_limit)
    };
    let limit = LossLimit::times_first(20.0).unwrap();
    let (mut limited, mut free, mut w, mut v) = (make(Some(limit)), make(None), [2.0], [2.0]);
    let mut objective = Quadratic::new(&[2.0]);
    for _ in 0..3 {
        limited.step(&mut objective, &mut w).unwrap();
        free.step(&mut objective, &mut v).unwrap();
    }
    let state = limited.state();
    let error = limited.step(&mut objective, &mut w).unwrap_err();
    assert!(matches!(error, Error::Diverged { step: 3, loss: 64.0, limit: 20.0 }), "{error}");
    assert!(error.to_string().starts_with("step 3, loss: expected at most 20, got 64; try smaller steps"), "{error}");
    assert!(w == v && limited.state() == state && limited.steps() == 3);

    // The limit stays that of the first loss after a restore, and a run without one goes on.
    let mut again = make(Some(limit));
    again.restore(state.clone()).unwrap();
    assert!(matches!(again.step(&mut objective, &mut w), Err(Error::Diverged { limit: 20.0, .. })));
    let mut freed = make(None);
    freed.restore(state).unwrap();
    let (report, expected) = (freed.step(&mut objective, &mut w).unwrap(), free.step(&mut objective, &mut v).unwrap());
    assert!(report == expected && freed.state() == free.state());

    // Ten times a larger loss is the limit where the first loss is small.
    let fitted = LossLimit::times_first(10.0).unwrap().or_times(6.4).unwrap();
    let (mut trainer, mut w) = (make(Some(fitted)), [2.0]);
    let steps = (0..9).take_while(|_| trainer.step(&mut objective, &mut w).is_ok()).count();
    assert_eq!(steps, 4);
}
