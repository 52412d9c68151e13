use onedge_registry::{Settings, Value};
use onedge_spectrum::{Lanczos, diagnostics};
use onedge_tune::optimizers::{Gd, ScheduleFreeSgd};
use onedge_tune::tuners::{self, Constant};

use super::*;
use crate::samples::Bowl;
use crate::{COLUMNS, Diagnostics, Evaluation, Last, Look};

fn plan(steps: u64) -> Plan {
    let diagnostics = Diagnostics {
        sharpness: Look::Every(2),
        hessian: false,
        curvature: true,
        refresh: 1,
        lanczos: Lanczos::top(2, 0),
    };
    Plan {
        steps,
        batch: None,
        last: Last::Dropped,
        augment: None,
        seed: 3,
        target_loss: None,
        diverge_factor: 1000.0,
        record_every: 1,
        diagnostics,
    }
}

fn run(plan: &Plan, rate: f64, interrupt_at: u64) -> (Result<Outcome, Error>, Vec<Record>, Bowl) {
    let mut bowl = Bowl::new([4.0, 1.0], &[0.0, 0.0, 0.0, 0.0]);
    let mut records = Vec::new();
    let mut record = |record: &Record| {
        records.push(record.clone());
        match record.step + 1 == interrupt_at {
            true => ControlFlow::Break(StopReason::Interrupted { step: interrupt_at }),
            false => ControlFlow::Continue(()),
        }
    };
    let method: (Box<dyn Optimizer<f64>>, Box<dyn Tuner>) = (Box::new(Gd), Box::new(Constant::new(rate).unwrap()));
    let outcome = train(plan, &mut bowl, &mut [1.0, 2.0], method, &mut Instruments::none(), &mut record);
    (outcome, records, bowl)
}

#[test]
fn records_what_algebra_says() {
    let (outcome, records, _) = run(&plan(5), 0.25, 0);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.stop, outcome.steps, outcome.edge), (StopReason::StepsDone, 5, Some(2.0)));
    // One step of rate 1/4 ends the first coordinate; the second shrinks by 3/4 a step.
    let (first, second) = (&records[0], &records[1]);
    assert_eq!((first.loss, first.learning_rate), (4.0, 0.25));
    assert_eq!((first.slope, first.curvature), (Some(-20.0), Some(68.0)));
    assert!((second.loss - 0.5 * 1.5 * 1.5).abs() < 1e-15);
    assert!((first.sharpness.unwrap() - 4.0).abs() < 1e-9 && second.sharpness.is_none());
    assert!((first.alignment.unwrap() - 16.0 / 20.0).abs() < 1e-9);
    assert_eq!((first.eigenvalues.len(), second.eigenvalues.len()), (2, 0));
    // u was (-4, -2) and is now (0, -1.5).
    assert!((second.update_cosine.unwrap() - 2.0 / 20f64.sqrt()).abs() < 1e-12);
    assert_eq!(records[4].cost, 15.0);
    assert_eq!(outcome.cost, 15.0);
}

#[test]
fn what_is_kept_is_the_point_to_evaluate() {
    // On one axis, gamma = 1/4 and H = 4: z = 0 after a step and stays there, and so does x, with w1 on their way.
    // On the other, H = 1: z = 2, 3/2, and y = x = 3/2 after a step; then z = 9/8, x = 21/16, y = (9/8 + 21/16) / 2.
    let method: (Box<dyn Optimizer<f64>>, Box<dyn Tuner>) =
        (Box::new(ScheduleFreeSgd::new(0.25, 0.5, 0.0, 0).unwrap()), Box::new(Constant::new(1.0).unwrap()));
    let mut bowl = Bowl::new([4.0, 1.0], &[0.0]);
    let (mut w, mut losses) = ([1.0, 2.0], Vec::new());
    let mut record = |record: &Record| {
        losses.push(record.loss);
        ControlFlow::Continue(())
    };
    train(&plan(2), &mut bowl, &mut w, method, &mut Instruments::none(), &mut record).unwrap();
    assert_eq!((w, losses), ([0.0, 21.0 / 16.0], vec![4.0, 1.125]));
}

#[test]
fn every_stop_reason() {
    let (outcome, records, _) = run(&plan(50), 2.0, 0);
    // |w1| grows sevenfold a step, so the loss passes 4000 on the second.
    let Ok(Outcome { stop: StopReason::Diverged { step, loss, limit }, steps, .. }) = outcome else { panic!() };
    assert_eq!((step, steps, limit), (2, 2, 4000.0));
    assert!(loss > limit && records[2].loss == loss && records[2].learning_rate.is_nan());

    let endless = Plan { diverge_factor: f64::INFINITY, ..plan(2000) };
    let Ok(Outcome { stop: StopReason::NonFinite { step, probe }, .. }) = run(&endless, 2.0, 0).0 else { panic!() };
    assert!(step > 100 && !probe.is_empty());

    let target = Plan { target_loss: Some(1.2), ..plan(50) };
    let (outcome, records, _) = run(&target, 0.25, 0);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.stop, StopReason::TargetReached { step: 1 });
    assert_eq!(outcome.cost, records[1].cost);
    assert_eq!(run(&plan(50), 0.25, 7).0.unwrap().stop, StopReason::Interrupted { step: 7 });
}

#[test]
fn a_run_from_the_optimum_is_no_divergence() {
    // At zero the loss is 2 (0 - 3)^2 = 18; the start is the optimum but for rounding.
    let mut bowl = Bowl::new([4.0, 1.0], &[3.0]);
    let mut on = |_: &Record| ControlFlow::Continue(());
    let method: (Box<dyn Optimizer<f64>>, Box<dyn Tuner>) = (Box::new(Gd), Box::new(Constant::new(0.6).unwrap()));
    let outcome =
        train(&plan(500), &mut bowl, &mut [3.0 + 1e-12, 0.0], method, &mut Instruments::none(), &mut on).unwrap();
    let StopReason::Diverged { limit, .. } = outcome.stop else { panic!("{:?}", outcome.stop) };
    assert_eq!(limit, 18_000.0);
}

#[test]
fn batches_are_selected_and_given_back() {
    let (outcome, _, bowl) = run(&Plan { batch: Some(2), ..plan(6) }, 0.25, 0);
    assert!(outcome.unwrap().stop.is_success());
    assert_eq!(bowl.sizes, [4, 2, 2, 2, 2, 2, 2, 4]);
    for (last, sizes) in [(Last::Dropped, [3, 3, 3, 3]), (Last::Kept, [3, 1, 3, 1])] {
        let (outcome, _, bowl) = run(&Plan { batch: Some(3), last, ..plan(4) }, 0.25, 0);
        assert!(outcome.unwrap().stop.is_success());
        assert_eq!(bowl.sizes[1..5], sizes);
    }
    let message = run(&Plan { batch: Some(5), ..plan(6) }, 0.25, 0).0.unwrap_err().to_string();
    assert!(message.starts_with("batch: expected at most 4, the number of examples, got 5"), "{message}");
}

#[test]
fn a_record_that_cannot_be_kept_ends_the_run() {
    let full = || StopReason::Failed { step: 2, error: "disk full".to_owned() };
    let mut fail =
        |record: &Record| if record.step < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(full()) };
    let mut bowl = Bowl::new([4.0, 1.0], &[0.0]);
    let result = train(
        &plan(5),
        &mut bowl,
        &mut [1.0, 2.0],
        (Box::new(Gd), Box::new(Constant::new(0.1).unwrap())),
        &mut Instruments::none(),
        &mut fail,
    );
    let outcome = result.unwrap();
    assert_eq!(outcome.stop, full());
    assert_eq!(outcome.steps, 3);
}

#[test]
fn a_snapshot_is_all_that_must_be_kept() {
    let plan = Plan { batch: Some(2), target_loss: Some(-1.0), ..plan(9) };
    let method = || -> (Box<dyn Optimizer<f64>>, Box<dyn Tuner>) {
        (Box::new(ScheduleFreeSgd::new(0.25, 0.5, 0.0, 0).unwrap()), Box::new(Constant::new(1.0).unwrap()))
    };
    let centers = [0.5, -1.0, 2.0, 0.25, 3.0];
    let go = |from: Option<Snapshot<f64>>, kept: &mut Vec<Snapshot<f64>>| {
        let (mut bowl, mut w, mut records) = (Bowl::new([4.0, 1.0], &centers), [1.0, 2.0], Vec::new());
        let mut none = Instruments::none();
        let mut training = Training::new(&plan, &mut bowl, &mut w, method(), &mut none).unwrap();
        if let Some(from) = from {
            training.restore(from).unwrap();
        }
        let stop = loop {
            match training.advance() {
                Advance::Step(record) => records.push(Record { seconds: 0.0, ..record }),
                Advance::Stop { reason, .. } => break reason,
            }
            kept.push(training.snapshot());
        };
        let outcome = training.finish(stop).unwrap();
        (records, w, Outcome { seconds: 0.0, diagnostics_seconds: 0.0, ..outcome })
    };
    let (mut kept, mut after) = (Vec::new(), Vec::new());
    let (records, w, outcome) = go(None, &mut kept);
    assert_eq!(kept.len(), 9, "one after each step");
    for (i, snapshot) in kept.iter().enumerate() {
        after.clear();
        let again = go(Some(snapshot.clone()), &mut after);
        assert_eq!(again, (records[i + 1..].to_vec(), w, outcome.clone()), "from step {}", i + 1);
        assert_eq!(after.len(), kept.len() - i - 1);
    }
}

#[test]
fn a_run_that_is_done_takes_no_step() {
    let (mut bowl, mut w, mut none) = (Bowl::new([4.0, 1.0], &[0.0]), [1.0, 2.0], Instruments::none());
    let (plan, method) = (plan(2), (Box::new(Gd) as _, Box::new(Constant::new(0.25).unwrap()) as _));
    let mut training = Training::new(&plan, &mut bowl, &mut w, method, &mut none).unwrap();
    for step in 0..2 {
        assert!(!training.is_done());
        let Advance::Step(record) = training.advance() else { panic!() };
        assert_eq!((record.step, training.steps()), (step, step + 1));
    }
    assert!(training.is_done());
    for _ in 0..2 {
        assert_eq!(training.advance(), Advance::Stop { reason: StopReason::StepsDone, record: None });
    }
    assert_eq!(training.finish(StopReason::StepsDone).unwrap().steps, 2);
    // Two steps of rate 1/4.
    assert_eq!(w, [0.0, 2.0 * 0.75 * 0.75]);
}

/// After one product with the Hessian diag(4, 1) along some q = (c, s): theta = q.Hq = 4 c^2 + s^2, and the residual |Hq - theta q| is
/// sqrt(5 theta - 4 - theta^2). All columns have different values, so none can stand in for another.
#[test]
fn every_column_holds_what_it_says() {
    let lanczos = Lanczos { max_products: 1, ..Lanczos::top(1, 0) };
    let diagnostics = Diagnostics { sharpness: Look::Every(1), hessian: false, curvature: true, refresh: 1, lanczos };
    let (_, records, _) = run(&Plan { diagnostics, ..plan(2) }, 0.25, 0);
    let of = |name: &str, record: &Record| {
        let column = COLUMNS.iter().find(|column| column.name == name).unwrap_or_else(|| panic!("{name}"));
        (column.get)(record)
    };
    let theta = of("sharpness", &records[0]).unwrap();
    assert!(theta > 1.1 && theta < 3.9, "{theta}");
    let c = ((theta - 1.0) / 3.0).sqrt();
    let [one, other] = [1.0, -1.0].map(|sign| (2.0 * c + sign * (1.0 - c * c).sqrt()).powi(2) / 5.0);
    let alignment = of("alignment", &records[0]).unwrap();
    // g = (4, 2), u = -g: |g|^2 = 20, u.Hu = 4 * 16 + 4 = 68.
    let expected = [
        ("step", 0.0),
        ("loss", 4.0),
        ("learning_rate", 0.25),
        ("gradient_norm", 20f64.sqrt()),
        ("update_norm", 20f64.sqrt()),
        ("slope", -20.0),
        ("curvature", 68.0),
        ("sharpness", theta),
        ("magnitude", theta),
        ("residual", (5.0 * theta - 4.0 - theta * theta).sqrt()),
        ("alignment", if (alignment - one).abs() < (alignment - other).abs() { one } else { other }),
        ("converged", 0.0),
        ("products", 1.0),
        ("cost", 3.0),
    ];
    for (name, value) in expected {
        let got = of(name, &records[0]);
        assert!(got.is_some_and(|got| (got - value).abs() < 1e-9), "{name}: {got:?}, expected {value}");
    }
    let later = ["update_cosine", "preconditioned_sharpness", "seconds"];
    assert_eq!((of(later[0], &records[0]), of(later[1], &records[0])), (None, None));
    // The second gradient is (0, 1.5).
    assert!((of(later[0], &records[1]).unwrap() - 2.0 / 20f64.sqrt()).abs() < 1e-12);
    assert!(of(later[2], &records[1]) > of(later[2], &records[0]));
    for column in COLUMNS {
        let known = expected.iter().any(|(name, _)| *name == column.name) || later.contains(&column.name);
        assert!(known, "{} is a column of which this test says nothing", column.name);
    }
}

fn evaluator(every: u64, patience: Option<u64>) -> Evaluator<f64> {
    let asked = Evaluation { every, metric: "loss".to_owned(), patience };
    Evaluator::new(asked, &["loss".to_owned()]).unwrap()
}

/// The test loss is 0.5 (4 (w1 - 1)^2 + w2^2) at (1, 2) and, two steps later, at (0, 9/8).
#[test]
fn evaluations_are_recorded_and_the_steps_keep_their_bits() {
    let course = |evaluated: bool| {
        let (mut bowl, mut test) = (Bowl::new([4.0, 1.0], &[0.0; 4]), Bowl::new([4.0, 1.0], &[1.0]));
        let (plan, mut w, mut none, mut evaluator) = (plan(4), [1.0, 2.0], Instruments::none(), evaluator(2, None));
        let method: (Box<dyn Optimizer<f64>>, Box<dyn Tuner>) = (Box::new(Gd), Box::new(Constant::new(0.25).unwrap()));
        let mut training = Training::new(&plan, &mut bowl, &mut w, method, &mut none).unwrap();
        if evaluated {
            training = training.with_evaluation(&mut evaluator, &mut test);
        }
        let mut records = Vec::new();
        while let Advance::Step(record) = training.advance() {
            records.push(Record { seconds: 0.0, ..record });
        }
        let outcome = training.finish(StopReason::StepsDone).unwrap();
        (records, outcome, w)
    };
    let (without, plain, w) = course(false);
    let (mut records, outcome, same) = course(true);
    let read = |i: usize, records: &[Record]| {
        ["test_loss", "diagnostics_cost"].map(|name| records[i].measured.get(name).copied())
    };
    let spectrum = read(0, &without)[1].unwrap();
    assert!(spectrum > 0.0);
    let with_one_in_place_of_four = Some(0.25 + spectrum);
    assert_eq!(read(0, &records), [Some(2.0), with_one_in_place_of_four]);
    assert_eq!(read(1, &records), [None, None]);
    assert_eq!(read(2, &records), [Some(2.0 + 0.5 * 1.125 * 1.125), with_one_in_place_of_four]);
    for (record, without) in records.iter_mut().zip(&without) {
        record.measured.clone_from(&without.measured);
    }
    assert_eq!((records, same, outcome.cost), (without, w, plain.cost));
    assert_eq!(outcome.events.last(), Some(&("non_finite_evaluations".to_owned(), 0)));
}

/// A run whose steps cost 3 and whose measurement P takes the next one when a tenth of its cost since is P.
#[test]
fn the_spectrum_takes_a_share_of_the_cost_at_most() {
    let lanczos = Lanczos::top(1, 0);
    let diagnostics = Diagnostics { sharpness: Look::USUAL, hessian: false, curvature: false, refresh: 1, lanczos };
    let (_, records, _) = run(&Plan { diagnostics, ..plan(400) }, 0.25, 0);
    let prices: Vec<(u64, f64)> =
        records.iter().filter_map(|record| Some((record.step, *record.measured.get("diagnostics_cost")?))).collect();
    assert!(prices[0].0 == 0 && prices.len() > 5, "{prices:?}");
    for (record, looked) in records.iter().map(|record| (record, prices.iter().any(|(step, _)| *step == record.step))) {
        assert_eq!(record.sharpness.is_some(), looked);
    }
    for pair in prices.windows(2) {
        let [(step, price), (next, _)] = [pair[0], pair[1]];
        assert_eq!(next - step, (price / 0.1 / 3.0).ceil() as u64, "{pair:?}");
    }
    let total: f64 = prices.iter().map(|(_, price)| price).sum();
    let cost = records[records.len() - 1].cost;
    assert!(total <= 0.1 * cost + prices[0].1, "{total} of {cost}");
}

#[test]
fn what_diagnostics_and_evaluations_cost_adds_up() {
    let read = |name: &str, value| (name.to_owned(), value);
    let mut measured = BTreeMap::from([read("trace", 3.0), read("diagnostics_cost", 4.0)]);
    add(&mut measured, BTreeMap::from([read("test_loss", 0.5), read("diagnostics_cost", 0.25)]));
    let sum = [read("trace", 3.0), read("diagnostics_cost", 4.25), read("test_loss", 0.5)];
    assert_eq!(measured, BTreeMap::from(sum));
}

#[test]
fn diagnostics_take_the_gradients_pass_of_the_step_unless_a_trial_led_away() {
    let passes =
        |tuner: Box<dyn Tuner>, every: &str| {
            let all: Vec<_> = diagnostics::ALL.iter().flat_map(|entry| entry.settings).copied().collect();
            let given = BTreeMap::from([("trace_every".to_owned(), Value::parse(every))]);
            let settings = Settings::resolve_section("diagnostics", &all, given).unwrap();
            let setup = diagnostics::Setup { seed: 0, threads: 1, batch_size: None };
            let mut instruments = Instruments::new(diagnostics::ALL, &settings, &[], setup).unwrap();
            let (mut bowl, mut w, plan) = (Bowl::new([4.0, 1.0], &[0.0]), [1.0, 2.0], plan(4));
            // What else is measured would lead the objective back.
            let plan = Plan {
                diagnostics: Diagnostics { sharpness: Look::Every(0), curvature: false, ..plan.diagnostics },
                ..plan
            };
            let found = train(&plan, &mut bowl, &mut w, (Box::new(Gd), tuner), &mut instruments, &mut |_| {
                ControlFlow::Continue(())
            });
            assert_eq!(found.unwrap().stop, StopReason::StepsDone);
            bowl.linearized
        };
    assert_eq!(passes(Box::new(Constant::new(0.25).unwrap()), "1"), 4);
    let wolfe = || tuners::build("wolfe", BTreeMap::new()).unwrap();
    assert_eq!(passes(wolfe(), "1"), passes(wolfe(), "0") + 4);
}

/// With 1/4 of H = diag(4, 1) the second coordinate is 2 (3/4)^k, and the test loss with its centre at 1 is
/// 0.5 (4 w1^2 + (w2 - 1)^2): 2.5, 0.125, 0.0078125, 0.012207..., as 2 (3/4)^k is 2, 1.5, 1.125, 0.84375.
#[test]
fn a_run_ends_where_evaluations_bring_no_improvement_and_resumes_with_its_patience() {
    let method =
        || -> (Box<dyn Optimizer<f64>>, Box<dyn Tuner>) { (Box::new(Gd), Box::new(Constant::new(0.25).unwrap())) };
    // The coordinates of the test change places, so that its centre is on the second one.
    struct Swapped(Bowl);
    impl onedge_objective::Objective<f64> for Swapped {
        fn dim(&self) -> usize {
            2
        }
        fn linearize(&mut self, _: &[f64], _: &mut [f64]) -> Result<f64, onedge_objective::Error> {
            unreachable!("only evaluated")
        }
        fn curvature(&mut self, _: &[f64]) -> Result<f64, onedge_objective::Error> {
            unreachable!("only evaluated")
        }
        fn hessian_vector(&mut self, _: &[f64], _: &mut [f64]) -> Result<(), onedge_objective::Error> {
            unreachable!("only evaluated")
        }
        fn loss(&mut self, w: &[f64]) -> Result<f64, onedge_objective::Error> {
            self.0.loss(&[w[1], w[0]])
        }
    }
    impl onedge_objective::Sampled<f64> for Swapped {
        fn examples(&self) -> usize {
            1
        }
        fn select(&mut self, _: Option<&[usize]>) -> Result<(), onedge_objective::Error> {
            Ok(())
        }
    }
    impl Workload<f64> for Swapped {
        fn select_with(
            &mut self,
            _: &[usize],
            _: &mut dyn FnMut(usize, &mut [f64]),
        ) -> Result<(), onedge_objective::Error> {
            Ok(())
        }
        fn metrics(&mut self, w: &[f64]) -> Result<BTreeMap<String, f64>, onedge_objective::Error> {
            use onedge_objective::Objective;
            Ok(BTreeMap::from([("loss".to_owned(), self.loss(w)?)]))
        }
    }
    let plan = plan(50);
    let course = |from: Option<Snapshot<f64>>, until: u64| {
        let (mut bowl, mut test) = (Bowl::new([4.0, 1.0], &[0.0]), Swapped(Bowl::new([1.0, 4.0], &[1.0])));
        let (mut w, mut none, mut evaluator) = ([1.0, 2.0], Instruments::none(), evaluator(1, Some(2)));
        let training = Training::new(&plan, &mut bowl, &mut w, method(), &mut none).unwrap();
        let mut training = training.with_evaluation(&mut evaluator, &mut test);
        if let Some(snapshot) = from {
            training.restore(snapshot).unwrap();
        }
        let mut losses = Vec::new();
        let stop = loop {
            if training.steps() == until {
                break StopReason::Interrupted { step: until };
            }
            let (record, stop) = match training.advance() {
                Advance::Step(record) => (record, None),
                Advance::Stop { reason, record } => (record.unwrap(), Some(reason)),
            };
            losses.push(record.measured["test_loss"]);
            if let Some(stop) = stop {
                break stop;
            }
        };
        let snapshot = training.snapshot();
        let outcome = training.finish(stop).unwrap();
        (losses, outcome, snapshot, evaluator.best_parameters().unwrap().to_vec())
    };
    let (losses, outcome, _, best) = course(None, 99);
    let stop =
        StopReason::NoImprovement { step: 4, metric: "loss".to_owned(), best: 0.0078125, best_step: 2, patience: 2 };
    assert_eq!(outcome.stop, stop);
    assert_eq!(outcome.steps, 4);
    assert_eq!(&losses[..3], [2.5, 0.125, 0.0078125]);
    assert_eq!(losses.len(), 5);
    assert_eq!(best, [0.0, 1.125]);
    assert!(outcome.stop.is_success());
    // Stopped after three steps, it has waited for one evaluation.
    let (_, _, snapshot, _) = course(None, 4);
    let (rest, again, _, same) = course(Some(snapshot), 99);
    assert_eq!((&rest[..], same), (&losses[4..], best));
    assert_eq!((again.stop, again.best), (stop, outcome.best));
}
