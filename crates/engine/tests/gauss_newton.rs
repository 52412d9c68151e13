//! The Gauss-Newton product against what gradients alone say.

use std::collections::BTreeMap;
use std::sync::Arc;

use onedge_engine::{DataObjective, Examples, Field, Options};
use onedge_graph::{Graph, LossGraph, Shape};
use onedge_nn::{Io, Target, initial_parameters, loss_graph, losses, models};
use onedge_objective::{Objective, vector};
use onedge_registry::Value;

const EXAMPLES: usize = 7;
const CLASSES: usize = 4;
const L2: f64 = 0.01;

struct Problem {
    objective: DataObjective<f64>,
    w: Vec<f64>,
    v: Vec<f64>,
}

/// A small network on examples with these labels; `threads` over chunks of 3.
fn problem(model: &'static str, labels: &[usize], threads: usize) -> Problem {
    let settings: &[(&str, &str)] = match model {
        "mlp" => &[("hidden", "[5, 3]"), ("activation", "tanh")],
        _ => &[("channels", "[3]"), ("activation", "gelu")],
    };
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
    let model = models::build(model, settings, &Io::new(&[2, 3, 3], CLASSES).unwrap()).unwrap();
    let w: Vec<f64> = initial_parameters(model.parameters(), 5);
    let build = move |batch| {
        let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
        Ok(loss_graph(&model, &loss, Target::Classes { count: CLASSES }, batch)?)
    };
    let field = |width, values: Vec<f64>| Field { width, values: Arc::from(values) };
    let x = (0..labels.len() * 18).map(|i| ((i * 37 % 101) as f64 - 50.0) / 40.0).collect();
    let y = labels.iter().map(|&label| label as f64).collect();
    let examples = Examples::new(labels.len(), vec![field(18, x), field(1, y)]).unwrap();
    let options = Options { threads, lanes: 2, chunk: Some(3), memory_bytes: 1 << 20 };
    let v = (0..w.len()).map(|i| (i as f64 * 0.7).sin()).collect();
    Problem { objective: DataObjective::new(Box::new(build), examples, L2, options).unwrap(), w, v }
}

/// The loss and gradient of example `i` alone, without the L2 term.
fn alone(problem: &mut Problem, i: usize) -> (f64, Vec<f64>) {
    let mut gradient = vec![0.0; problem.w.len()];
    problem.objective.select(Some(&[i])).unwrap();
    let loss = problem.objective.linearize(&problem.w, &mut gradient).unwrap();
    vector::axpy(-L2, &problem.w, &mut gradient);
    (loss - 0.5 * L2 * vector::dot(&problem.w, &problem.w), gradient)
}

/// With cross-entropy, G is the Fisher matrix: the mean over examples and over labels drawn by the model of `g g'`.
#[test]
fn is_the_fisher_matrix_of_cross_entropy() {
    for model in ["mlp", "convnet"] {
        let labels: Vec<usize> = (0..EXAMPLES).map(|i| i * 3 % CLASSES).collect();
        let mut real = problem(model, &labels, 2);
        let mut expected: Vec<f64> = real.v.iter().map(|v| L2 * v).collect();
        for label in 0..CLASSES {
            let mut drawn = problem(model, &[label; EXAMPLES], 1);
            for i in 0..EXAMPLES {
                let (loss, gradient) = alone(&mut drawn, i);
                let share = (-loss).exp() / EXAMPLES as f64;
                vector::axpy(share * vector::dot(&gradient, &real.v), &gradient, &mut expected);
            }
        }
        let (mut gradient, mut product) = (vec![0.0; real.w.len()], vec![0.0; real.w.len()]);
        real.objective.linearize(&real.w, &mut gradient).unwrap();
        real.objective.gauss_newton_vector(&real.v, &mut product).unwrap();
        vector::axpy(-1.0, &expected, &mut product);
        let error = vector::norm(&product) / vector::norm(&expected);
        assert!(error < 1e-13, "{model}: {error}");
    }
}

#[test]
fn bits_do_not_depend_on_threads_and_it_needs_a_point() {
    let labels = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1];
    let product = |threads| {
        let mut problem = problem("mlp", &labels, threads);
        let mut out = vec![0.0; problem.w.len()];
        assert!(problem.objective.gauss_newton_vector(&problem.v, &mut out).is_err());
        let mut gradient = out.clone();
        problem.objective.linearize(&problem.w, &mut gradient).unwrap();
        problem.objective.gauss_newton_vector(&problem.v, &mut out).unwrap();
        out
    };
    assert_eq!(product(1), product(2));
}

/// A model `tanh(x w)` of one example with its outputs told as they are, or as another arrangement that the loss, a fourth power, undoes.
fn arranged(how: &str, penalty: bool) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let mut g = Graph::new();
    let (x, w) = (g.input(Shape::new(&[1, 3])), g.input(Shape::new(&[3, 4])));
    let product = g.matmul(x, w)?;
    let plain = g.tanh(product)?;
    let outputs = match how {
        "reshaped" => g.reshape(plain, Shape::new(&[2, 2]))?,
        "turned" => g.permute(plain, &[1, 0])?,
        "negated" => g.neg(plain)?,
        "scaled" => g.scale(plain, 3.0)?,
        _ => plain,
    };
    let read = match how {
        "reshaped" => g.reshape(outputs, Shape::new(&[1, 4]))?,
        "turned" => g.permute(outputs, &[1, 0])?,
        "negated" => g.neg(outputs)?,
        "scaled" => g.scale(outputs, 1.0 / 3.0)?,
        _ => outputs,
    };
    let square = g.mul(read, read)?;
    let fourth = g.mul(square, square)?;
    let mut losses = g.sum(fourth, &[1])?;
    if penalty {
        let square = g.mul(w, w)?;
        let sum = g.sum(square, &[0, 1])?;
        let sum = g.reshape(sum, Shape::new(&[1]))?;
        losses = g.add(losses, sum)?;
    }
    let loss = LossGraph { graph: g, parameters: vec![w], fields: vec![x], outputs, losses, metrics: Vec::new() };
    let x: Vec<f64> = vec![0.5, -1.0, 0.25];
    let mut objective = DataObjective::whole(loss, vec![x.into()], 0.0, Options::for_this_machine())?;
    let (mut gradient, mut product) = (vec![0.0; 12], vec![0.0; 12]);
    let w: Vec<f64> = (0..12).map(|i| (1.3 * f64::from(i)).sin()).collect();
    objective.linearize(&w, &mut gradient)?;
    objective.gauss_newton_vector(&w, &mut product)?;
    Ok(product)
}

#[test]
fn outputs_that_are_arranged_otherwise_have_the_same_matrix() {
    let plain = arranged("plain", false).unwrap();
    assert!(plain.iter().any(|x| x.abs() > 0.1));
    for how in ["reshaped", "turned", "negated", "scaled"] {
        for (one, other) in plain.iter().zip(&arranged(how, false).unwrap()) {
            assert!((one - other).abs() < 1e-14, "{how}: {one} {other}");
        }
    }
    let refused = arranged("plain", true).unwrap_err().to_string();
    assert!(refused.starts_with("outputs: expected all that the loss reads"), "{refused}");
}
