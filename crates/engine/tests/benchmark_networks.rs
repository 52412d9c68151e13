//! The two networks of the benchmark in single against double precision: gradient and curvature to 1e-4.

use std::collections::BTreeMap;
use std::sync::Arc;

use onedge_engine::{DataObjective, Element, Examples, Field, Options};
use onedge_nn::{Io, Target, initial_parameters, loss_graph, losses, models};
use onedge_objective::Objective;
use onedge_registry::Value;

const FEATURES: usize = 3072;
const CLASSES: usize = 10;
/// Fewer than the benchmark has, for the time of a test.
const EXAMPLES: usize = 320;

/// Loss, `u . H u` along the negative gradient, and the gradient, at the same parameters whatever the precision.
fn measure<T: Element>(hidden: &str, activation: &str, loss: &str) -> (f64, f64, Vec<f64>) {
    let settings = BTreeMap::from([
        ("hidden".to_owned(), Value::parse(hidden)),
        ("activation".to_owned(), Value::Text(activation.to_owned())),
    ]);
    let model = Arc::new(models::build("mlp", settings, &Io::new(&[FEATURES], CLASSES).unwrap()).unwrap());
    let loss = losses::build(loss, BTreeMap::new()).unwrap();
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        T::from_f64((state >> 40) as f64 / (1u64 << 24) as f64)
    };
    let inputs: Arc<[T]> = (0..EXAMPLES * FEATURES).map(|_| uniform()).collect();
    let labels: Arc<[T]> = (0..EXAMPLES).map(|i| T::from_f64((i * 7919 % CLASSES) as f64)).collect();
    let fields = vec![Field { width: FEATURES, values: inputs }, Field { width: 1, values: labels }];
    let w = initial_parameters::<f32>(model.parameters(), 3);
    let w: Vec<T> = w.into_iter().map(|x| T::from_f64(f64::from(x))).collect();
    let build = move |batch| Ok(loss_graph(&model, &loss, Target::Classes { count: CLASSES }, batch)?);
    let options = Options { threads: 2, lanes: 4, chunk: None, memory_bytes: 1 << 30 };
    let examples = Examples::new(EXAMPLES, fields).unwrap();
    let mut objective = DataObjective::new(Box::new(build), examples, 0.0, options).unwrap();
    let mut gradient = vec![T::ZERO; w.len()];
    let loss = objective.linearize(&w, &mut gradient).unwrap();
    let update: Vec<T> = gradient.iter().map(|&g| -g).collect();
    let curvature = objective.curvature(&update).unwrap();
    (loss, curvature, gradient.into_iter().map(|g| g.to_f64()).collect())
}

#[test]
fn single_precision_agrees_with_double_to_1e_4() {
    for (hidden, activation, loss) in [("[512, 512]", "relu", "cross-entropy"), ("[200, 200]", "tanh", "squared")] {
        let (loss_32, curvature_32, gradient_32) = measure::<f32>(hidden, activation, loss);
        let (loss_64, curvature_64, gradient_64) = measure::<f64>(hidden, activation, loss);
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let difference = norm(&mut gradient_32.iter().zip(&gradient_64).map(|(a, b)| a - b));
        let gradient = difference / norm(&mut gradient_64.iter().copied());
        let curvature = (curvature_32 / curvature_64 - 1.0).abs();
        println!(
            "{activation}: loss {:.1e}, gradient {gradient:.1e}, curvature {curvature:.1e}",
            loss_32 / loss_64 - 1.0
        );
        assert!(gradient < 1e-4 && curvature < 1e-4, "{activation}: gradient {gradient}, curvature {curvature}");
    }
}
