//! Whole networks in chunks: against the reference evaluator, across threads, budgets and precisions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use onedge_engine::{DataObjective, Element, Examples, Field, Means, Options};
use onedge_graph::check::{Subject, sample};
use onedge_graph::reference::Tensor;
use onedge_graph::{Domain, LossGraph, Shape};
use onedge_nn::{Io, Range, Target, activations, loss_graph, losses, models};
use onedge_objective::{Error, Objective, Part, Real};
use onedge_registry::Value;

const EXAMPLES: usize = 77;
const FEATURES: usize = 6;
const CLASSES: usize = 5;

fn build(activation: &'static str, loss: &'static str) -> impl Fn(usize) -> LossGraph + Send + Sync + Clone + 'static {
    let target = target(loss);
    move |batch| {
        let io = Io::new(&[FEATURES], CLASSES).unwrap();
        let settings = BTreeMap::from([
            ("hidden".to_owned(), Value::parse("[9, 7]")),
            ("activation".to_owned(), Value::Text(activation.to_owned())),
        ]);
        let model = models::build("mlp", settings, &io).unwrap();
        let loss = losses::build(loss, BTreeMap::new()).unwrap();
        loss_graph(&model, &loss, target, batch).unwrap()
    }
}

/// Classes where the loss takes them, else values.
fn target(loss: &str) -> Target {
    match loss {
        "huber" | "poisson" | "binary-cross-entropy" => Target::Values { width: CLASSES },
        _ => Target::Classes { count: CLASSES },
    }
}

/// Generic parameters, biases included.
fn parameters(graph: &LossGraph) -> Vec<Tensor> {
    graph.parameters.iter().enumerate().map(|(i, id)| sample(graph.graph.shape(*id), Domain::Real, i + 1)).collect()
}

fn flat<T: Real>(tensors: &[Tensor]) -> Vec<T> {
    tensors.iter().flat_map(|t| &t.data).map(|&x| T::from_f64(x)).collect()
}

fn data(loss: &str) -> (Tensor, Tensor) {
    let target = target(loss);
    let domain = match (target, losses::build(loss, BTreeMap::new()).unwrap().range()) {
        (Target::Classes { .. } | Target::Tokens { .. }, _) => Domain::Index(CLASSES),
        (_, Range::Any) => Domain::Real,
        (_, Range::NonNegative) => Domain::Positive,
        (_, Range::Unit | Range::Binary) => Domain::Mask,
    };
    (sample(&Shape::new(&[EXAMPLES, FEATURES]), Domain::Real, 3), sample(&target.shape(EXAMPLES), domain, 4))
}

fn examples<T: Element>(loss: &str) -> Examples<T> {
    let (inputs, labels) = data(loss);
    let field = |width: usize, t: &Tensor| {
        let values: Arc<Vec<T>> = Arc::new(t.data.iter().map(|&x| T::from_f64(x)).collect());
        Field { width, values }
    };
    Examples::new(EXAMPLES, vec![field(FEATURES, &inputs), field(labels.data.len() / EXAMPLES, &labels)]).unwrap()
}

fn engine<T: Element>(activation: &'static str, loss: &'static str, options: Options) -> DataObjective<T> {
    let build = build(activation, loss);
    DataObjective::new(Box::new(move |batch| Ok(build(batch))), examples(loss), 0.01, options).unwrap()
}

fn options(threads: usize, memory_bytes: u64) -> Options {
    Options { threads, lanes: 3, chunk: Some(16), memory_bytes }
}

/// Loss, curvature, then gradient and H v, in one vector.
fn everything<T: Element>(engine: &mut DataObjective<T>, w: &[T], u: &[T]) -> Vec<f64> {
    let mut gradient = vec![T::ZERO; w.len()];
    let mut product = gradient.clone();
    let loss = engine.linearize(w, &mut gradient).unwrap();
    let curvature = engine.curvature(u).unwrap();
    engine.hessian_vector(u, &mut product).unwrap();
    let vectors = gradient.into_iter().chain(product).map(Real::to_f64);
    [loss, curvature].into_iter().chain(vectors).collect()
}

#[test]
fn agrees_with_the_reference_on_every_activation_and_loss() {
    for activation in activations::ALL {
        for loss in losses::ALL {
            let graph = build(activation.name, loss.name)(EXAMPLES);
            let w = parameters(&graph);
            let (inputs, labels) = data(loss.name);
            let mut values = HashMap::from([(graph.fields[0], inputs), (graph.fields[1], labels)]);
            values.extend(graph.parameters.iter().copied().zip(w.iter().cloned()));
            let subject = Subject::new(graph.graph.clone(), graph.losses, graph.parameters.clone(), values, 2);
            let u = subject.direction();
            let mut engine = engine::<f64>(activation.name, loss.name, options(2, 1 << 20));
            let got = everything(&mut engine, &flat(&w), &flat(&u));
            let (w, u) = (flat::<f64>(&w), flat::<f64>(&u));
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
            let n = EXAMPLES as f64;
            let close = |name: &str, a: f64, b: f64| {
                let scale = a.abs().max(b.abs()).max(1.0);
                assert!((a - b).abs() < 1e-12 * scale, "{} {}: {name}: {a} and {b}", activation.name, loss.name);
            };
            close("loss", got[0], subject.loss(0.0) / n + 0.005 * dot(&w, &w));
            close("curvature", got[1], subject.curvature() / n + 0.01 * dot(&u, &u));
            let (gradient, product) = got[2..].split_at(w.len());
            close("slope", dot(gradient, &u), subject.reverse_slope(0.0) / n + 0.01 * dot(&w, &u));
            close("u.(Hu)", dot(product, &u), got[1]);
            let reference = flat::<f64>(&subject.hessian_vector(&subject.direction()));
            for ((got, expected), u) in product.iter().zip(reference).zip(&u) {
                close("hessian-vector product", *got, expected / n + 0.01 * u);
            }
        }
    }
}

#[test]
fn the_same_bits_for_any_threads_and_budget() {
    for activation in ["relu", "tanh", "gelu"] {
        let w: Vec<f32> = flat(&parameters(&build(activation, "cross-entropy")(16)));
        let u: Vec<f32> = w.iter().map(|x| 0.3 - 0.7 * x).collect();
        let mut first = engine::<f32>(activation, "cross-entropy", options(1, 1 << 20));
        let expected = everything(&mut first, &w, &u);
        for (threads, memory_bytes) in [(2, 1 << 20), (4, 1 << 20), (1, 0), (2, 0), (4, 12_000)] {
            let mut engine = engine::<f32>(activation, "cross-entropy", options(threads, memory_bytes));
            let got = everything(&mut engine, &w, &u);
            assert!(got == expected, "{activation}: {threads} threads, {memory_bytes} bytes");
        }
    }
}

#[test]
fn single_precision_is_close_to_double() {
    for activation in ["relu", "tanh", "gelu", "silu", "softplus"] {
        let w = parameters(&build(activation, "cross-entropy")(16));
        let u: Vec<f64> = flat::<f64>(&w).iter().map(|x| 0.3 - 0.7 * x).collect();
        let single: Vec<f32> = u.iter().map(|&x| x as f32).collect();
        let a = everything(&mut engine::<f32>(activation, "cross-entropy", options(2, 1 << 20)), &flat(&w), &single);
        let b = everything(&mut engine::<f64>(activation, "cross-entropy", options(2, 1 << 20)), &flat(&w), &u);
        let scale = b.iter().map(|x| x.abs()).fold(0.0, f64::max);
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() < 1e-5 * scale, "{activation}: {a} and {b}");
        }
    }
}

#[test]
fn gradients_alone_change_nothing_for_what_follows() {
    let w: Vec<f32> = flat(&parameters(&build("tanh", "cross-entropy")(16)));
    let u: Vec<f32> = w.iter().map(|x| 0.3 - 0.7 * x).collect();
    let mut fresh = engine::<f32>("tanh", "cross-entropy", options(2, 1 << 20));
    let expected = everything(&mut fresh, &w, &u);
    let mut used = engine::<f32>("tanh", "cross-entropy", options(2, 1 << 20));
    let mut gradient = vec![0.0; w.len()];
    for _ in 0..3 {
        used.linearize(&u, &mut gradient).unwrap();
    }
    used.linearize(&w, &mut gradient).unwrap();
    let mut product = gradient.clone();
    used.hessian_vector(&u, &mut product).unwrap();
    assert_eq!(used.curvature(&u).unwrap(), expected[1]);
    let both: Vec<f64> = gradient.iter().chain(&product).map(|&x| f64::from(x)).collect();
    assert_eq!(both, expected[2..]);
    assert_eq!(everything(&mut used, &w, &u), expected);
}

#[test]
fn a_rehearsal_leaves_the_objective_as_it_was() {
    let mut engine = engine::<f64>("tanh", "squared", options(2, u64::MAX));
    let w: Vec<f64> = flat(&parameters(&build("tanh", "squared")(1)));
    for batch in [None, Some((0..40).collect::<Vec<usize>>())] {
        engine.select(batch.as_deref()).unwrap();
        let before = everything(&mut engine, &w, &w);
        for members in [2, 8, 2, 1] {
            engine.rehearse((16, members), &w, &w, 0.0).unwrap();
            assert_eq!(everything(&mut engine, &w, &w), before, "{members} members");
        }
    }
}

#[test]
fn a_batch_is_the_objective_of_its_examples() {
    let w: Vec<f64> = flat(&parameters(&build("tanh", "cross-entropy")(16)));
    let mut engine = engine::<f64>("tanh", "cross-entropy", options(2, 1 << 20));
    let mut total = 0.0;
    for half in [0..40, 40..EXAMPLES] {
        let indices: Vec<usize> = half.collect();
        engine.select(Some(&indices)).unwrap();
        total += engine.metrics(&w).unwrap().loss * indices.len() as f64;
    }
    engine.select(None).unwrap();
    let Means { loss: all, metrics } = engine.metrics(&w).unwrap();
    assert!((all - total / EXAMPLES as f64).abs() < 1e-14);
    assert_eq!(metrics[0].0, "accuracy");
    let correct = metrics[0].1 * EXAMPLES as f64;
    assert!((correct - correct.round()).abs() < 1e-12 && (0.0..=EXAMPLES as f64).contains(&correct));
    let message = engine.select(Some(&[3, EXAMPLES])).unwrap_err().to_string();
    assert_eq!(message, "batch: expected indices below 77, got 77");
}

#[test]
fn batches_of_any_sizes_in_turn_are_those_of_a_fresh_engine() {
    let w: Vec<f64> = flat(&parameters(&build("tanh", "cross-entropy")(16)));
    let u: Vec<f64> = (0..w.len()).map(|i| (0.37 * i as f64).sin()).collect();
    let fresh = |indices: &[usize]| {
        let mut engine = engine::<f64>("tanh", "cross-entropy", options(2, 1 << 20));
        engine.select(Some(indices)).unwrap();
        everything(&mut engine, &w, &u)
    };
    let mut engine = engine::<f64>("tanh", "cross-entropy", options(2, 1 << 20));
    for range in [0..48, 48..77, 5..6, 0..77, 60..77] {
        let indices: Vec<usize> = range.collect();
        engine.select(Some(&indices)).unwrap();
        assert_eq!(everything(&mut engine, &w, &u), fresh(&indices), "{} examples", indices.len());
    }
}

#[test]
fn a_batch_may_change_the_inputs_of_its_examples() {
    let w: Vec<f64> = flat(&parameters(&build("tanh", "cross-entropy")(16)));
    let mut engine = engine::<f64>("tanh", "cross-entropy", options(2, 1 << 20));
    let indices = [7, 3, 7];
    let mut places = Vec::new();
    engine
        .select_with(&indices, &mut |place, inputs| {
            places.push(place);
            if place == 1 {
                inputs.copy_from_slice(&vec![0.25; inputs.len()]);
            }
        })
        .unwrap();
    assert_eq!(places, [0, 1, 2]);
    let changed = engine.metrics(&w).unwrap().loss;
    engine.select(Some(&indices)).unwrap();
    assert_ne!(changed, engine.metrics(&w).unwrap().loss);
    engine.select_with(&indices, &mut |_, _| {}).unwrap();
    let unchanged = engine.metrics(&w).unwrap().loss;
    engine.select(Some(&indices)).unwrap();
    assert_eq!(unchanged, engine.metrics(&w).unwrap().loss);
    assert!(engine.select_with(&[1000], &mut |_, _| {}).is_err());
}

#[test]
fn misuse_is_named() {
    let mut engine = engine::<f32>("relu", "cross-entropy", options(1, 0));
    let w = vec![0.1; engine.dim()];
    let message = engine.curvature(&w).unwrap_err().to_string();
    assert_eq!(message, "curvature: expected a linearised point, got none; call `linearize` first");
    let message = engine.loss(&w[1..]).unwrap_err().to_string();
    assert_eq!(message, format!("w: expected {} elements, got {}", w.len(), w.len() - 1));
    let infinite = vec![f32::INFINITY; w.len()];
    assert!(engine.loss(&infinite).unwrap_err().to_string().starts_with("loss at a trial point: expected a finite"));
    let message = Examples::<f32>::new(0, vec![]).unwrap_err().to_string();
    assert_eq!(message, "examples: expected at least one, got none");
}

/// The curvature of each part, in order, at `w` along `u`.
fn parts(engine: &mut DataObjective<f64>, of: usize, w: &[f64], u: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; w.len()];
    (0..of)
        .map(|index| {
            engine.set_part(Some(Part { index, of })).unwrap();
            engine.linearize(w, &mut gradient).unwrap();
            engine.part_curvature(u).unwrap()
        })
        .collect()
}

#[test]
fn the_curvature_of_a_part_is_that_of_its_examples() {
    let graph = build("tanh", "cross-entropy")(16);
    let w: Vec<f64> = flat(&parameters(&graph));
    let u: Vec<f64> = w.iter().map(|x| 0.3 - 0.7 * x).collect();
    let mut whole = engine::<f64>("tanh", "cross-entropy", options(2, 1 << 20));
    let mut some = engine::<f64>("tanh", "cross-entropy", options(2, 1 << 20));
    let mut gradient = vec![0.0; w.len()];
    for of in [1, 2, 5, 77, 100] {
        let curvatures = parts(&mut whole, of, &w, &u);
        let mut mean = 0.0;
        for (index, curvature) in curvatures.iter().enumerate().take(77) {
            let range = Part { index, of }.range(EXAMPLES);
            mean += curvature * range.len() as f64 / EXAMPLES as f64;
            some.select(Some(&range.collect::<Vec<_>>())).unwrap();
            some.linearize(&w, &mut gradient).unwrap();
            let expected = some.curvature(&u).unwrap();
            assert!((curvature - expected).abs() < 1e-12 * expected.abs().max(1.0), "{index} of {of}");
        }
        let expected = everything(&mut whole, &w, &u)[1];
        assert!((mean - expected).abs() < 1e-12 * expected.abs().max(1.0), "{of}: {mean} {expected}");
    }
}

#[test]
fn the_gradient_of_a_part_is_that_of_its_examples() {
    let graph = build("tanh", "cross-entropy")(16);
    let w: Vec<f64> = flat(&parameters(&graph));
    let u: Vec<f64> = w.iter().map(|x| 0.3 - 0.7 * x).collect();
    for (threads, memory_bytes) in [(2, 1 << 20), (1, 0), (3, 30_000)] {
        let mut whole = engine::<f64>("tanh", "cross-entropy", options(threads, memory_bytes));
        let mut some = engine::<f64>("tanh", "cross-entropy", options(2, 1 << 20));
        let (mut all, mut part, mut expected) = (vec![0.0; w.len()], vec![0.0; w.len()], vec![0.0; w.len()]);
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs().max(1.0));
        for of in [1, 2, 5, 77, 100] {
            let mut mean = vec![0.0; w.len()];
            for index in 0..of.min(EXAMPLES) {
                let range = Part { index, of }.range(EXAMPLES);
                whole.set_part(Some(Part { index, of })).unwrap();
                whole.linearize(&w, &mut all).unwrap();
                let before = whole.part_curvature(&u).unwrap();
                whole.part_gradient(&mut part).unwrap();
                assert_eq!(whole.part_curvature(&u).unwrap(), before);
                let share = range.len() as f64 / EXAMPLES as f64;
                mean.iter_mut().zip(&part).for_each(|(mean, part)| *mean += share * part);
                some.select(Some(&range.collect::<Vec<_>>())).unwrap();
                some.linearize(&w, &mut expected).unwrap();
                assert!(close(&part, &expected), "{index} of {of}");
            }
            assert!(close(&mean, &all), "{of}");
        }
        whole.set_part(None).unwrap();
        let message = whole.part_gradient(&mut part).unwrap_err().to_string();
        assert_eq!(message, "gradient of a part of the batch: expected a part, got none; call `set_part` first");
    }
}

/// Whatever was asked before, and whatever of it is kept.
#[test]
fn parts_have_the_same_bits_for_any_threads_budget_and_history() {
    let w: Vec<f64> = flat(&parameters(&build("gelu", "cross-entropy")(16)));
    let u: Vec<f64> = w.iter().map(|x| 0.3 - 0.7 * x).collect();
    let mut first = engine::<f64>("gelu", "cross-entropy", options(1, 1 << 20));
    first.set_part(Some(Part { index: 0, of: 3 })).unwrap();
    let all = everything(&mut first, &w, &u);
    let expected = parts(&mut first, 3, &w, &u);
    for (threads, memory_bytes) in [(2, 1 << 20), (4, 1 << 20), (1, 0), (4, 30_000)] {
        let mut engine = engine::<f64>("gelu", "cross-entropy", options(threads, memory_bytes));
        for round in 0..3 {
            assert_eq!(parts(&mut engine, 3, &w, &u), expected, "{threads} threads, {memory_bytes} bytes, {round}");
            if round < 2 {
                // Of the last part alone something is kept when the rest is asked.
                assert_eq!(engine.curvature(&u).unwrap(), all[1]);
                assert_eq!(everything(&mut engine, &w, &u), all);
            }
        }
        // Other parts at the same point.
        for (index, expected) in expected.iter().enumerate() {
            engine.set_part(Some(Part { index, of: 3 })).unwrap();
            assert_eq!(engine.part_curvature(&u).unwrap(), *expected);
        }
    }
}

#[test]
fn parts_are_of_what_is_selected() {
    let w: Vec<f64> = flat(&parameters(&build("tanh", "squared")(16)));
    let u: Vec<f64> = w.iter().map(|x| 0.3 - 0.7 * x).collect();
    let mut engine = engine::<f64>("tanh", "squared", options(2, 1 << 20));
    let mut gradient = vec![0.0; w.len()];
    engine.set_part(Some(Part { index: 1, of: 2 })).unwrap();
    engine.select(Some(&[5, 3, 70, 12])).unwrap();
    engine.linearize(&w, &mut gradient).unwrap();
    let part = engine.part_curvature(&u).unwrap();
    engine.set_part(None).unwrap();
    let message = engine.part_curvature(&u).unwrap_err().to_string();
    assert_eq!(message, "curvature of a part of the batch: expected a part, got none; call `set_part` first");
    engine.select(Some(&[70, 12])).unwrap();
    assert!(matches!(engine.curvature(&u), Err(Error::NotLinearized { .. })));
    engine.linearize(&w, &mut gradient).unwrap();
    assert!((part - engine.curvature(&u).unwrap()).abs() < 1e-12 * part.abs().max(1.0));
}
