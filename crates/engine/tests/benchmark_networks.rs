//! The networks of the benchmark in single against double precision: gradient and curvature to 1e-4.

use std::collections::BTreeMap;
use std::sync::Arc;

use onedge_engine::{DataObjective, Element, Examples, Field, Options};
use onedge_nn::{Io, Target, initial_parameters, loss_graph, losses, models};
use onedge_objective::Objective;
use onedge_registry::Value;

/// A network of the benchmark.
struct Network {
    model: &'static str,
    settings: &'static [(&'static str, &'static str)],
    loss: &'static str,
    /// Fewer than the benchmark has, for the time of a test.
    examples: usize,
}

const NETWORKS: &[Network] = &[
    Network { model: "mlp", settings: &[("hidden", "[512, 512]")], loss: "cross-entropy", examples: 320 },
    Network {
        model: "mlp",
        settings: &[("hidden", "[200, 200]"), ("activation", "tanh")],
        loss: "squared",
        examples: 320,
    },
    Network { model: "convnet", settings: &[], loss: "cross-entropy", examples: 8 },
    Network { model: "resnet", settings: &[], loss: "cross-entropy", examples: 4 },
    Network { model: "mixer", settings: &[], loss: "cross-entropy", examples: 4 },
    Network { model: "vit", settings: &[], loss: "cross-entropy", examples: 4 },
    Network { model: "nanolm", settings: &[], loss: "cross-entropy", examples: 4 },
];

/// Loss, `u . H u` along each direction of [`along`] for the gradient given (or its own), and the gradient, at the same
/// parameters whatever the precision.
fn measure<T: Element>(network: &Network, gradient_of: Option<&[f64]>) -> (f64, Vec<f64>, Vec<f64>) {
    let settings = network.settings.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
    let tokens = network.model == "nanolm";
    let (io, target) = match tokens {
        true => (Io::new(&[64], 64).unwrap(), Target::Tokens { count: 64, length: 64 }),
        false => (Io::new(&[3, 32, 32], 10).unwrap(), Target::Classes { count: 10 }),
    };
    let model = Arc::new(models::build(network.model, settings, &io).unwrap());
    let loss = losses::build(network.loss, BTreeMap::new()).unwrap();
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        T::from_f64((state >> 40) as f64 / (1u64 << 24) as f64)
    };
    let (n, features) = (network.examples, io.features());
    let token = |i: usize| T::from_f64((i * 7919 % target.outputs()) as f64);
    let inputs: Arc<Vec<T>> =
        Arc::new((0..n * features).map(|i| if tokens { token(i + i / 64) } else { uniform() }).collect());
    let width = target.shape(1).size();
    let labels: Arc<Vec<T>> = Arc::new((0..n * width).map(token).collect());
    let fields = vec![Field { width: features, values: inputs }, Field { width, values: labels }];
    let w = initial_parameters::<f32>(model.parameters(), 3);
    let w: Vec<T> = w.into_iter().map(|x| T::from_f64(f64::from(x))).collect();
    let sizes = model.parameters().iter().map(|p| p.shape.size()).collect::<Vec<_>>().into_iter();
    let build = move |batch| Ok(loss_graph(&model, &loss, target, batch)?);
    let options = Options { threads: 2, lanes: 4, chunk: None, memory_bytes: 1 << 30 };
    let examples = Examples::new(n, fields).unwrap();
    let mut objective = DataObjective::new(Box::new(build), examples, 0.0, options).unwrap();
    let mut gradient = vec![T::ZERO; w.len()];
    let loss = objective.linearize(&w, &mut gradient).unwrap();
    let gradient: Vec<f64> = gradient.into_iter().map(|g| g.to_f64()).collect();
    let sizes: Vec<usize> = sizes.collect();
    let curvatures = along(gradient_of.unwrap_or(&gradient), &sizes).into_iter().map(|u| {
        let u: Vec<T> = u.into_iter().map(T::from_f64).collect();
        objective.curvature(&u).unwrap()
    });
    (loss, curvatures.collect(), gradient)
}

/// Directions that updates have: the gradient's, its signs', one with very unequal parts, one of a single parameter.
fn along(gradient: &[f64], sizes: &[usize]) -> [Vec<f64>; 4] {
    let part: Vec<usize> = sizes.iter().enumerate().flat_map(|(i, &size)| std::iter::repeat_n(i, size)).collect();
    let each = |f: &dyn Fn(f64, usize) -> f64| gradient.iter().zip(&part).map(|(&g, &i)| f(g, i)).collect();
    [
        each(&|g, _| -f64::from(g as f32)),
        each(&|g, _| if g > 1e-7 { -1.0 } else { 1.0 }),
        each(&|g, i| if i % 2 == 0 { 1e3 * f64::from(g as f32) } else { 1e-3 }),
        each(&|g, i| if i + 2 == sizes.len() { f64::from(g as f32) } else { 0.0 }),
    ]
}

#[test]
fn single_precision_agrees_with_double_to_1e_4() {
    for network in NETWORKS {
        let name = network.model;
        let (loss_64, curvature_64, gradient_64) = measure::<f64>(network, None);
        let (loss_32, curvature_32, gradient_32) = measure::<f32>(network, Some(&gradient_64));
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let difference = norm(&mut gradient_32.iter().zip(&gradient_64).map(|(a, b)| a - b));
        let gradient = difference / norm(&mut gradient_64.iter().copied());
        let errors = curvature_32.iter().zip(&curvature_64).map(|(a, b)| (a / b - 1.0).abs());
        let curvature = errors.fold(0.0, f64::max);
        println!("{name}: loss {:.1e}, gradient {gradient:.1e}, curvature {curvature:.1e}", loss_32 / loss_64 - 1.0);
        assert!(gradient < 1e-4 && curvature < 1e-4, "{name}: gradient {gradient}, curvature {curvature}");
    }
}
