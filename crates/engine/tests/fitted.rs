//! A fitted classifier, whose labels win by far, in single against double precision: what is small must stay exact.

use std::collections::BTreeMap;
use std::sync::Arc;

use onedge_engine::{DataObjective, Element, Examples, Field, Options};
use onedge_nn::{Io, Target, loss_graph, losses, models};
use onedge_objective::{Objective, vector};

const FEATURES: usize = 12;
const CLASSES: usize = 7;
const EXAMPLES: usize = 60;

/// Numbers that both precisions hold exactly.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Loss, gradient norm and curvature along the negative gradient of a linear classifier whose own answers are the labels.
fn measure<T: Element>(scale: f32) -> [f64; 3] {
    let (x, weight) = (numbers(EXAMPLES * FEATURES, 1), numbers(FEATURES * CLASSES, 2));
    let weight: Vec<f32> = weight.iter().map(|w| w * scale).collect();
    let label = |row: &[f32]| {
        let logit = |class: usize| -> f64 {
            row.iter().enumerate().map(|(i, x)| f64::from(*x) * f64::from(weight[i * CLASSES + class])).sum()
        };
        (0..CLASSES).max_by(|&a, &b| logit(a).total_cmp(&logit(b))).unwrap()
    };
    let labels: Vec<usize> = x.chunks_exact(FEATURES).map(label).collect();
    let convert = |x: &f32| T::from_f64(f64::from(*x));
    let fields = vec![
        Field { width: FEATURES, values: Arc::new(x.iter().map(convert).collect()) },
        Field { width: 1, values: Arc::new(labels.iter().map(|&label| T::from_f64(label as f64)).collect()) },
    ];
    let model = Arc::new(models::build("linear", BTreeMap::new(), &Io::new(&[FEATURES], CLASSES).unwrap()).unwrap());
    let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
    let build = move |batch| Ok(loss_graph(&model, &loss, Target::Classes { count: CLASSES }, batch)?);
    let options = Options { threads: 1, lanes: 2, chunk: None, memory_bytes: 1 << 20 };
    let examples = Examples::new(EXAMPLES, fields).unwrap();
    let mut objective = DataObjective::new(Box::new(build), examples, 0.0, options).unwrap();
    let w: Vec<T> = weight.iter().chain(&[0.0; CLASSES]).map(convert).collect();
    let mut gradient = vec![T::ZERO; w.len()];
    let loss = objective.linearize(&w, &mut gradient).unwrap();
    let norm = vector::norm(&gradient);
    let update: Vec<T> = gradient.iter().map(|&g| -g).collect();
    [loss, norm, objective.curvature(&update).unwrap() / (norm * norm)]
}

#[test]
fn single_precision_keeps_what_is_small() {
    for scale in [1.0, 100.0, 1000.0] {
        let (single, double) = (measure::<f32>(scale), measure::<f64>(scale));
        for (what, (a, b)) in ["loss", "gradient norm", "curvature"].iter().zip(single.iter().zip(double)) {
            assert!((a / b - 1.0).abs() < 1e-4 * f64::from(scale.max(10.0)) / 10.0, "{what} at {scale}: {a}, not {b}");
        }
    }
}
