//! Trajectories in f64 against an independent JAX float64 implementation (`tools/reference/trajectories.py`), step by
//! step: loss, learning rate and final parameters to 1e-6 relative.

use std::collections::BTreeMap;
use std::sync::Arc;

use onedge_engine::{DataObjective, Examples, Field, Options};
use onedge_nn::{Io, Target, loss_graph, losses, models};
use onedge_objective::{Objective, vector};
use onedge_registry::Value;
use onedge_spectrum::Lanczos;
use onedge_tune::{Trainer, optimizers, tuners};
use serde::Deserialize;

const INPUTS: usize = 7;
const CLASSES: usize = 4;
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Reference {
    problems: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    name: String,
    activation: String,
    loss: String,
    hidden: Vec<i64>,
    l2: f64,
    x: Vec<f64>,
    labels: Vec<f64>,
    parameters: Vec<f64>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    optimizer: String,
    tuner: String,
    #[serde(default)]
    sigma: Option<f64>,
    #[serde(default)]
    eps: Option<f64>,
    #[serde(default)]
    ema: Option<f64>,
    #[serde(default)]
    c: Option<f64>,
    #[serde(default)]
    delta: Option<f64>,
    #[serde(default)]
    c_plus: Option<f64>,
    #[serde(default)]
    c_minus: Option<f64>,
    loss: Vec<f64>,
    rate: Vec<f64>,
    final_loss: f64,
    final_parameters: Vec<f64>,
    non_descent: u64,
}

#[test]
fn every_run_follows_the_reference() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/trajectories.json");
    let reference: Reference = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut pairs = std::collections::BTreeSet::new();
    for problem in &reference.problems {
        for run in &problem.runs {
            follow(problem, run);
            pairs.insert((run.optimizer.as_str(), run.tuner.as_str()));
        }
    }
    assert_eq!(pairs.len(), 4 * 3, "four optimizers with three tuners");
}

fn follow(problem: &Problem, run: &Run) {
    let what = format!("{}, {} with {} (ema {:?}, c {:?})", problem.name, run.optimizer, run.tuner, run.ema, run.c);
    let mut objective = objective(problem);
    let settings = [
        ("sigma", run.sigma),
        ("eps", run.eps),
        ("beta", run.ema),
        ("c", run.c),
        ("delta", run.delta),
        ("c_plus", run.c_plus),
        ("c_minus", run.c_minus),
    ];
    let given = settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::Number(value?))));
    // What the references compute is the paper's rule, which goes by that name.
    let paper = (run.tuner == "cdat").then(|| ("preset".to_owned(), Value::Text("paper".to_owned())));
    let given = given.chain(paper).collect();
    let optimizer = optimizers::build::<f64>(&run.optimizer, BTreeMap::new()).unwrap();
    let tuner = tuners::build(&run.tuner, given).unwrap();
    let mut w = problem.parameters.clone();
    let mut trainer = Trainer::new(w.len(), optimizer, tuner, Lanczos::top(1, 0)).unwrap();
    let close = |name: &str, got: f64, expected: f64| {
        assert!((got - expected).abs() <= TOLERANCE * expected.abs(), "{what}: {name}: {got}, reference {expected}");
    };
    for (step, (&loss, &rate)) in run.loss.iter().zip(&run.rate).enumerate() {
        let report = trainer.step(&mut objective, &mut w).unwrap();
        close(&format!("loss at step {step}"), report.loss, loss);
        close(&format!("rate at step {step}"), report.learning_rate, rate);
    }
    close("final loss", objective.loss(&w).unwrap(), run.final_loss);
    let mut difference = w.clone();
    vector::axpy(-1.0, &run.final_parameters, &mut difference);
    let relative = vector::norm(&difference) / vector::norm(&run.final_parameters);
    assert!(relative <= TOLERANCE, "{what}: final parameters off by {relative}");
    assert_eq!(trainer.tuner().events().non_descent, run.non_descent, "{what}: steps that are no descent");
}

fn objective(problem: &Problem) -> DataObjective<f64> {
    let hidden = Value::List(problem.hidden.iter().map(|&width| Value::Integer(width)).collect());
    let activation = Value::Text(problem.activation.clone());
    let settings = BTreeMap::from([("hidden".to_owned(), hidden), ("activation".to_owned(), activation)]);
    let loss = problem.loss.replace('_', "-");
    let build = move |batch: usize| {
        let model = models::build("mlp", settings.clone(), &Io::new(&[INPUTS], CLASSES)?)?;
        let loss = losses::build(&loss, BTreeMap::new())?;
        Ok(loss_graph(&model, &loss, Target::Classes { count: CLASSES }, batch)?)
    };
    let field = |width: usize, values: &[f64]| Field { width, values: Arc::new(values.to_vec()) };
    let fields = vec![field(INPUTS, &problem.x), field(1, &problem.labels)];
    let examples = Examples::new(problem.labels.len(), fields).unwrap();
    let options = Options { threads: 2, lanes: 2, chunk: Some(16), memory_bytes: 1 << 20 };
    DataObjective::new(Box::new(build), examples, problem.l2, options).unwrap()
}
