//! Sharpness as a run measures it, against the largest eigenvalue that Lanczos finds from a random start to six digits.

use onedge_run::{DataSets, build_problem};
use onedge_spec::{Document, Spec};
use onedge_spectrum::{Hessian, Lanczos, SharpnessTracker, Wanted, lanczos};
use onedge_tune::Trainer;

const NETWORKS: [&[&str]; 3] = [
    &["model.hidden=[12]", "model.activation=tanh", "data.first=100"],
    &["model=convnet", "model.channels=[4, 6]", "data.first=60"],
    &["data=cicero", "data.first=6", "data.context=12", "model=nanolm", "model.depth=1", "model.width=16"],
];
const RULES: [&[&str]; 3] =
    [&["tuner=cdat", "tuner.preset=paper"], &["tuner=greedy"], &["tuner=constant", "tuner.rate=0.1"]];

fn spec(settings: &[&str], rule: &[&str]) -> Spec {
    let mut document = Document::empty("tracking");
    settings.iter().chain(rule).for_each(|assignment| document.set(assignment).unwrap());
    Spec::resolve(&document).unwrap()
}

/// Relative errors and products of ten measurements, ten steps apart.
fn follow(spec: &Spec) -> (Vec<f64>, usize) {
    let mut problem = build_problem::<f32>(spec, &mut DataSets::new(None)).unwrap();
    let mut w = problem.initial(spec.seed);
    let objective = &mut *problem.train;
    let options = Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(1, 1) };
    let mut trainer =
        Trainer::new(w.len(), spec.build_optimizer().unwrap(), spec.build_tuner().unwrap(), options).unwrap();
    let (mut tracker, mut gradient) = (SharpnessTracker::new(options), vec![0.0; w.len()]);
    let (mut errors, mut products) = (Vec::new(), 0);
    for measurement in 0..10 {
        objective.linearize(&w, &mut gradient).unwrap();
        let exact = Lanczos { tolerance: 1e-6, seed: 100 + measurement, ..options };
        let exact = lanczos(&mut Hessian::new(objective), &exact, None).unwrap();
        let found = tracker.measure(&mut Hessian::new(objective)).unwrap();
        errors.push((found.largest().unwrap().value / exact.largest().unwrap().value - 1.0).abs());
        products += found.products;
        for _ in 0..10 {
            trainer.step(objective, &mut w).unwrap();
        }
    }
    (errors, products)
}

#[test]
fn measurements_along_runs_are_right() {
    let (mut errors, mut products) = (Vec::new(), 0);
    for settings in NETWORKS {
        for rule in RULES {
            let found = follow(&spec(settings, rule));
            errors.extend(found.0);
            products += found.1;
        }
    }
    let count = errors.len() as f64;
    let (mean, largest) = (errors.iter().sum::<f64>() / count, errors.iter().copied().fold(0.0, f64::max));
    let products = products as f64 / count;
    assert!(mean < 1e-4 && largest < 1e-3 && products < 13.0, "mean {mean}, largest {largest}, products {products}");
}
