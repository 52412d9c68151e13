//! Every optimizer with every tuner.

use onedge_objective::{Objective, Real};
use onedge_spectrum::Lanczos;
use onedge_tune::{Error, Optimizer, StepReport, Trainer, TrainerState, optimizers, tuners};

use crate::problems::{Counted, Quadratic, Rosenbrock, given};

fn trainer<T: Real>(dim: usize, optimizer: &str, tuner: &str) -> Trainer<T> {
    let optimizer_entry = optimizers::ALL.iter().find(|entry| entry.name == optimizer).unwrap();
    let tuner_entry = tuners::ALL.iter().find(|entry| entry.name == tuner).unwrap();
    let optimizer = crate::problems::optimizer(optimizer, given(optimizer_entry), dim);
    let tuner = tuners::build(tuner, given(tuner_entry)).unwrap();
    Trainer::new(dim, optimizer, tuner, Lanczos::top(1, 7)).unwrap()
}

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    optimizers::ALL.iter().flat_map(|o| tuners::ALL.iter().map(|t| (o.name, t.name)))
}

fn start<T: Real>(dim: usize) -> Vec<T> {
    (0..dim).map(|i| T::from_f64([-1.2, 0.9, 0.3, -0.4, 2.0][i])).collect()
}

/// 30 steps; a run may diverge, but only into the error that says so.
fn run<T: Real>(objective: &mut dyn Objective<T>, optimizer: &str, tuner: &str) {
    let dim = objective.dim();
    let mut trainer = trainer::<T>(dim, optimizer, tuner);
    let mut w = start(dim);
    for step in 0..30 {
        match trainer.step(objective, &mut w) {
            Ok(report) => check(&report, step, optimizer, tuner),
            Err(Error::NonFinite { step: named, .. }) => {
                assert_eq!(named, step);
                return;
            }
            Err(error) => panic!("{optimizer} with {tuner}: {error}"),
        }
    }
    assert_eq!(trainer.steps(), 30);
    for (event, count) in trainer.tuner().events().iter() {
        let most = if event == "non_finite" { u64::MAX } else { 30 };
        assert!(count <= most, "{optimizer} with {tuner}: {event} {count}");
    }
}

fn check(report: &StepReport, step: u64, optimizer: &str, tuner: &str) {
    assert_eq!(report.step, step);
    assert!(report.learning_rate >= 0.0, "{optimizer} with {tuner}: {report:?}");
    assert!(report.loss.is_finite() && report.gradient_norm.is_finite() && report.update_norm.is_finite());
    assert_eq!(report.update_cosine.is_some(), step > 0);
    assert!(report.update_cosine.is_none_or(|cosine| cosine.abs() <= 1.0 + 1e-6));
    assert!(report.cost >= 3.0 && report.diagnostics_cost == 0.0);
}

#[test]
fn thirty_steps_on_a_quadratic_and_on_rosenbrock() {
    for (optimizer, tuner) in pairs() {
        run::<f32>(&mut Quadratic::ill_conditioned(), optimizer, tuner);
        run::<f64>(&mut Quadratic::ill_conditioned(), optimizer, tuner);
        run::<f32>(&mut Rosenbrock::new(), optimizer, tuner);
        run::<f64>(&mut Rosenbrock::new(), optimizer, tuner);
    }
}

#[test]
fn costs_are_those_of_the_calls() {
    for (optimizer, tuner) in pairs() {
        let mut objective = Counted { inner: Quadratic::ill_conditioned(), spent: 0.0 };
        let mut trainer = trainer::<f64>(5, optimizer, tuner);
        let mut w = start(5);
        let mut reported = 0.0;
        for _ in 0..5 {
            reported += trainer.step(&mut objective, &mut w).unwrap().cost;
        }
        assert_eq!(reported, objective.spent, "{optimizer} with {tuner}");
        assert_eq!(trainer.cost(), objective.spent);
    }
}

#[test]
fn a_restored_run_has_the_same_bits() {
    fn round_trip<T: Real>(optimizer: &str, tuner: &str, steps: u64) {
        let (mut first, mut w) = (trainer::<T>(5, optimizer, tuner), start(5));
        for _ in 0..steps {
            let report = first.step(&mut Quadratic::ill_conditioned(), &mut w);
            assert!(report.is_ok(), "{optimizer} with {tuner}: {report:?}");
        }
        let (mut second, mut again) = (trainer::<T>(5, optimizer, tuner), w.clone());
        second.restore(first.state()).unwrap();
        assert!(second.state() == first.state());
        assert!(second.optimizer().preconditioner() == first.optimizer().preconditioner(), "{optimizer} with {tuner}");
        assert!(second.evaluation_point() == first.evaluation_point(), "{optimizer} with {tuner}");
        for _ in 0..5 {
            let report = first.step(&mut Quadratic::ill_conditioned(), &mut w).map_err(|error| error.to_string());
            let other = second.step(&mut Quadratic::ill_conditioned(), &mut again).map_err(|error| error.to_string());
            // A run may diverge, but both alike.
            assert!(report == other && w == again, "{optimizer} with {tuner}: {report:?} {other:?}");
            if report.is_err() {
                return;
            }
        }
        assert!(second.state() == first.state());
        assert_eq!(second.tuner().events(), first.tuner().events());
    }
    for (optimizer, tuner) in pairs() {
        for steps in [0, 1, 4, 5] {
            round_trip::<f32>(optimizer, tuner, steps);
            round_trip::<f64>(optimizer, tuner, steps);
        }
    }
}

/// With the state of the trainer, and those of a new optimizer or tuner in the place of the old.
#[test]
fn another_method_may_take_over() {
    let names = |entries: Vec<&'static str>| entries.into_iter();
    let optimizers = || names(optimizers::ALL.iter().map(|entry| entry.name).collect());
    let tuners = || names(tuners::ALL.iter().map(|entry| entry.name).collect());
    let changes = tuners().flat_map(|old| tuners().map(move |new| (("momentum", old), ("momentum", new))));
    let changes =
        changes.chain(optimizers().flat_map(|old| optimizers().map(move |new| ((old, "cdat"), (new, "cdat")))));
    for (old, new) in changes {
        let (mut first, mut w) = (trainer::<f64>(5, old.0, old.1), start(5));
        for _ in 0..3 {
            first.step(&mut Quadratic::ill_conditioned(), &mut w).unwrap();
        }
        let (state, mut second) = (first.state(), trainer::<f64>(5, new.0, new.1));
        let fresh = second.state();
        let optimizer = if old.0 == new.0 { state.optimizer } else { fresh.optimizer };
        let tuner = if old.1 == new.1 { state.tuner } else { fresh.tuner };
        second.restore(TrainerState { trainer: state.trainer, optimizer, tuner }).unwrap();
        for step in 3..8 {
            match second.step(&mut Quadratic::ill_conditioned(), &mut w) {
                Ok(report) => check(&report, step, new.0, new.1),
                Err(Error::NonFinite { step: named, .. }) => {
                    assert_eq!(named, step, "{old:?} {new:?}");
                    break;
                }
                Err(error) => panic!("{old:?} {new:?}: {error}"),
            }
        }
    }
}

#[test]
fn a_foreign_state_is_refused() {
    for (optimizer, tuner) in pairs() {
        let mut trainer = trainer::<f64>(2, optimizer, tuner);
        trainer.step(&mut Rosenbrock::new(), &mut [0.5, 0.5]).unwrap();
        let good = trainer.state();
        let with = |change: fn(&mut TrainerState<f64>)| {
            let mut state = good.clone();
            change(&mut state);
            state
        };
        let bad = [
            with(|state| {
                state.optimizer.scalars.insert("odd".to_owned(), 0.0);
            }),
            with(|state| {
                state.tuner.scalars.insert("odd".to_owned(), 0.0);
            }),
            with(|state| {
                state.trainer.scalars.remove("steps");
            }),
            with(|state| {
                state.trainer.vectors.insert("update".to_owned(), vec![0.0; 3]);
            }),
        ];
        for state in bad {
            assert!(trainer.restore(state).is_err(), "{optimizer} with {tuner}");
        }
        trainer.restore(good).unwrap();
    }
}

#[test]
fn a_duplicate_goes_the_same_way_and_leaves_the_first_alone() {
    for entry in optimizers::ALL {
        let mut w = vec![1.0, -0.5, 2.0];
        let mut first = crate::problems::optimizer::<f64>(entry.name, given(entry), w.len());
        let step = |optimizer: &mut dyn Optimizer<f64>, w: &mut [f64], scale: f64| {
            let gradient: Vec<f64> = w.iter().map(|w| scale * w).collect();
            let mut u = vec![0.0; w.len()];
            optimizer.direction(w, &gradient, &mut u).unwrap();
            w.iter_mut().zip(&u).for_each(|(w, u)| *w += 0.1 * u);
            u
        };
        for _ in 0..3 {
            step(&mut *first, &mut w, 1.0);
        }
        let state = first.state();
        let mut second = first.duplicate();
        assert_eq!(second.state(), state, "{}", entry.name);
        step(&mut *second, &mut w.clone(), -3.0);
        assert_eq!(first.state(), state, "{}", entry.name);
        let mut third = first.duplicate();
        assert_eq!(step(&mut *first, &mut w.clone(), 2.0), step(&mut *third, &mut w, 2.0), "{}", entry.name);
    }
}
