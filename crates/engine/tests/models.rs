//! A small instance of every model in chunks: against the reference evaluator, across threads, budgets and precisions.

#[path = "../../nn/tests/common/mod.rs"]
mod common;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use common::{SMALL, Small};
use onedge_engine::{DataObjective, Element, Examples, Field, Options};
use onedge_graph::check::{Subject, sample};
use onedge_graph::reference::Tensor;
use onedge_graph::{Domain, LossGraph, Shape};
use onedge_nn::{initial_parameters, loss_graph, losses};
use onedge_objective::{Objective, Real};

const EXAMPLES: usize = 7;
const CLASSES: usize = 5;

fn build(small: &'static Small) -> impl Fn(usize) -> LossGraph + Send + Sync + Copy + 'static {
    move |batch| {
        let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
        loss_graph(&small.build(CLASSES), &loss, small.target(CLASSES), batch).unwrap()
    }
}

fn fields(small: &Small) -> [Tensor; 2] {
    let shape = Shape::from([&[EXAMPLES], small.input_shape].concat());
    let domain = if small.reads_tokens() { Domain::Index(CLASSES) } else { Domain::Real };
    [sample(&shape, domain, 3), sample(&small.target(CLASSES).shape(EXAMPLES), Domain::Index(CLASSES), 4)]
}

/// Parameters near their initial values, and a direction.
fn point(small: &Small) -> (Vec<f64>, Vec<f64>) {
    let w: Vec<f64> = initial_parameters(small.build(CLASSES).parameters(), 1);
    let wave = |i: usize, k: usize| ((i * k % 101) as f64 - 50.0) / 500.0;
    let near = w.iter().enumerate().map(|(i, w)| w + wave(i, 37)).collect();
    (near, (0..w.len()).map(|i| wave(i, 53)).collect())
}

/// Loss, curvature, gradient and H v, which is the same among others at once.
fn everything<T: Element>(small: &'static Small, threads: usize, memory_bytes: u64) -> (f64, f64, Vec<f64>, Vec<f64>) {
    let field = |tensor: &Tensor| {
        let values: Arc<Vec<T>> = Arc::new(tensor.data.iter().map(|&x| T::from_f64(x)).collect());
        Field { width: tensor.shape.size() / EXAMPLES, values }
    };
    let examples = Examples::new(EXAMPLES, fields(small).iter().map(field).collect()).unwrap();
    let options = Options { threads, lanes: 3, chunk: Some(2), memory_bytes };
    let build = build(small);
    let mut engine = DataObjective::<T>::new(Box::new(move |batch| Ok(build(batch))), examples, 0.0, options).unwrap();
    let (w, u) = point(small);
    let convert = |x: &[f64]| x.iter().map(|&x| T::from_f64(x)).collect::<Vec<T>>();
    let (w, u) = (convert(&w), convert(&u));
    let mut gradient = vec![T::ZERO; w.len()];
    let mut product = gradient.clone();
    let loss = engine.linearize(&w, &mut gradient).unwrap();
    let curvature = engine.curvature(&u).unwrap();
    engine.hessian_vector(&u, &mut product).unwrap();
    let three = [w.clone(), u.clone(), gradient.clone()];
    let (mut single, mut together) = (vec![product.clone(); 3], vec![product.clone(); 3]);
    for (v, out) in three.iter().zip(&mut single) {
        engine.hessian_vector(v, out).unwrap();
    }
    for _ in 0..2 {
        engine.hessian_vectors(&three, &mut together).unwrap();
        assert!(single[1] == product && together == single, "{}: {memory_bytes} bytes", small.describe());
    }
    let back = |x: Vec<T>| x.into_iter().map(Real::to_f64).collect();
    (loss, curvature, back(gradient), back(product))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[test]
fn agrees_with_the_reference() {
    for small in SMALL {
        let graph = build(small)(EXAMPLES);
        let (w, u) = point(small);
        let mut values = HashMap::new();
        let mut place = 0;
        for &id in &graph.parameters {
            let shape = graph.graph.shape(id).clone();
            let end = place + shape.size();
            values.insert(id, Tensor::new(shape, w[place..end].to_vec()));
            place = end;
        }
        values.extend(graph.fields.iter().copied().zip(fields(small)));
        let subject = Subject::new(graph.graph.clone(), graph.losses, graph.parameters.clone(), values, 2);
        let (loss, curvature, gradient, product) = everything::<f64>(small, 2, 1 << 20);
        let flat = |tensors: &[Tensor]| tensors.iter().flat_map(|t| t.data.clone()).collect::<Vec<f64>>();
        let direction = flat(&subject.direction());
        let close = |name: &str, a: f64, b: f64| {
            let scale = a.abs().max(b.abs()).max(1.0);
            assert!((a - b).abs() < 1e-10 * scale, "{}: {name}: {a} and {b}", small.describe());
        };
        let n = EXAMPLES as f64;
        close("loss", loss, subject.loss(0.0) / n);
        close("slope", dot(&gradient, &direction), subject.reverse_slope(0.0) / n);
        close("u.(Hu)", dot(&product, &u), curvature);
        // The subject's own direction, by symmetry: d.(H u) = u.(H d).
        let along = flat(&subject.hessian_vector(&subject.direction()));
        close("hessian-vector product", dot(&product, &direction), dot(&along, &u) / n);
    }
}

#[test]
fn the_same_bits_for_any_threads_and_budget() {
    for small in SMALL {
        let expected = everything::<f32>(small, 1, 1 << 24);
        for (threads, memory_bytes) in [(2, 1 << 24), (1, 0), (3, 0), (2, 20_000)] {
            let got = everything::<f32>(small, threads, memory_bytes);
            assert!(got == expected, "{}: {threads} threads, {memory_bytes} bytes", small.describe());
        }
    }
}

#[test]
fn single_precision_is_close_to_double() {
    for small in SMALL {
        let (loss, curvature, gradient, product) = everything::<f32>(small, 2, 1 << 24);
        let exact = everything::<f64>(small, 2, 1 << 24);
        let norm = |x: &[f64]| dot(x, x).sqrt();
        let distance = |a: &[f64], b: &[f64]| norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>());
        let scale = |name: &str, got: f64, limit: f64| assert!(got < limit, "{}: {name}: {got}", small.describe());
        scale("loss", (loss / exact.0 - 1.0).abs(), 1e-5);
        scale("gradient", distance(&gradient, &exact.2) / norm(&exact.2), 1e-4);
        scale("product", distance(&product, &exact.3) / norm(&exact.3), 1e-4);
        // u.Hu may cancel, so it is measured against |u| |Hu|.
        let (_, u) = point(small);
        scale("curvature", (curvature - exact.1).abs() / (norm(&u) * norm(&exact.3)), 1e-4);
    }
}
