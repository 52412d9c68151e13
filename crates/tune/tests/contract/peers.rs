//! What Optax's suites try of every optimizer, written anew for all of ours: no parameters, one parameter, zero gradients, gradients of
//! any size, the same bits from the same calls, vectors of other lengths.

use onedge_objective::{Layer, Real};
use onedge_tune::{Optimizer, optimizers};

use crate::problems::given;

fn make<T: Real>(name: &str, layers: &[Layer]) -> Box<dyn Optimizer<T>> {
    let entry = optimizers::ALL.iter().find(|entry| entry.name == name).unwrap();
    let mut optimizer = optimizers::build(name, given(entry)).unwrap();
    optimizer.set_layers(layers).unwrap();
    optimizer
}

/// One matrix and one vector, so that every optimizer has what it works on.
fn layers() -> Vec<Layer> {
    Layer::in_order([
        ("in.weight", vec![0, 3]),
        ("hidden.weight", vec![3, 2]),
        ("hidden.bias", vec![2]),
        ("out.weight", vec![2, 0]),
    ])
}

const DIM: usize = 8;

fn parameters<T: Real>() -> Vec<T> {
    (0..DIM).map(|i| T::from_f64((1.0 + i as f64).sin())).collect()
}

fn gradient<T: Real>(scale: f64, step: usize) -> Vec<T> {
    (0..DIM).map(|i| T::from_f64(scale * (0.7 * i as f64 + 1.3 * step as f64 + 0.5).cos())).collect()
}

fn names() -> impl Iterator<Item = &'static str> {
    optimizers::ALL.iter().map(|entry| entry.name)
}

#[test]
fn zero_gradients_give_finite_updates_however_many() {
    fn check<T: Real>(name: &str) {
        let mut optimizer = make::<T>(name, &layers());
        let (w, zero, mut u) = (parameters::<T>(), vec![T::ZERO; DIM], vec![T::ONE; DIM]);
        for step in 0..20 {
            optimizer.direction(&w, &zero, &mut u).unwrap();
            assert!(u.iter().all(|u| u.is_finite()), "{name}, step {step}: {u:?}");
        }
        // And a gradient afterwards is followed.
        let g = gradient::<T>(1.0, 0);
        optimizer.direction(&w, &g, &mut u).unwrap();
        assert!(u.iter().all(|u| u.is_finite()), "{name}: {u:?}");
    }
    for name in names() {
        check::<f32>(name);
        check::<f64>(name);
    }
}

#[test]
fn without_decay_a_zero_gradient_moves_nothing() {
    for name in ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "muon", "schedule-free-sgd"] {
        let mut optimizer = make::<f64>(name, &layers());
        let mut u = vec![1.0; DIM];
        // Muon decays as its source does, and so nothing but a zero parameter stays.
        let w = if name == "muon" { vec![0.0; DIM] } else { parameters() };
        optimizer.direction(&w, &[0.0; DIM], &mut u).unwrap();
        assert!(u.iter().all(|u| u.abs() < 1e-15), "{name}: {u:?}");
    }
}

#[test]
fn gradients_of_any_size_give_finite_updates() {
    fn check<T: Real>(name: &str, scales: &[f64]) {
        for &scale in scales {
            let mut optimizer = make::<T>(name, &layers());
            let (w, mut u) = (parameters::<T>(), vec![T::ZERO; DIM]);
            for step in 0..5 {
                optimizer.direction(&w, &gradient(scale, step), &mut u).unwrap();
                assert!(u.iter().all(|u| u.is_finite()), "{name}, gradients of {scale:e}, step {step}: {u:?}");
            }
        }
    }
    for name in names() {
        // Squares of what is smaller or larger are no numbers of that precision.
        check::<f32>(name, &[1e-30, 1e-18, 1e-8, 1e8, 1e15]);
        check::<f64>(name, &[1e-200, 1e-100, 1e-20, 1e20, 1e100]);
    }
}

#[test]
fn one_parameter() {
    for name in names().filter(|name| *name != "muon") {
        let mut optimizer = make::<f64>(name, &Layer::in_order([("scale", vec![1])]));
        let mut u = [0.0];
        for step in 0..10 {
            optimizer.direction(&[0.5], &[1.0 + 0.1 * f64::from(step)], &mut u).unwrap();
            assert!(u[0].is_finite(), "{name}: {u:?}");
        }
        assert!(u[0] < 0.0 || name == "mechanic" || name.starts_with("d-adapt") || name == "prodigy", "{name}: {u:?}");
    }
}

#[test]
fn no_parameters() {
    for name in names().filter(|name| *name != "muon") {
        let mut optimizer = make::<f32>(name, &Layer::in_order([("none", vec![0])]));
        for _ in 0..3 {
            optimizer.direction(&[], &[], &mut []).unwrap();
        }
    }
}

#[test]
fn the_same_calls_give_the_same_bits() {
    for name in names() {
        let (mut first, mut second) = (make::<f32>(name, &layers()), make::<f32>(name, &layers()));
        let (w, mut u, mut again) = (parameters::<f32>(), vec![0.0; DIM], vec![9.0; DIM]);
        for step in 0..6 {
            let g = gradient(1.0, step);
            first.direction(&w, &g, &mut u).unwrap();
            second.direction(&w, &g, &mut again).unwrap();
            assert_eq!(u, again, "{name}: what was in u before makes no difference");
            assert_eq!(first.state(), second.state(), "{name}");
            assert!(first.preconditioner().is_none_or(|diagonal| diagonal.len() == DIM), "{name}, step {step}");
        }
    }
}

#[test]
fn vectors_of_other_lengths_are_refused() {
    for name in names() {
        let mut optimizer = make::<f64>(name, &layers());
        let mut u = vec![0.0; DIM];
        optimizer.direction(&parameters::<f64>(), &gradient::<f64>(1.0, 0), &mut u).unwrap();
        assert!(optimizer.direction(&parameters::<f64>(), &[1.0; DIM - 1], &mut u).is_err(), "{name}");
        assert!(optimizer.direction(&[0.0; DIM + 1], &gradient::<f64>(1.0, 0), &mut u).is_err(), "{name}");
    }
}
