//! How often eigenvalues are as exact as they are said to be: 200 seeds on each of four problems.

use onedge_objective::{FnObjective, Objective};
use onedge_spectrum::{Dense, Lanczos, LinearOperator, Subspace, SubspaceTracker, Wanted, lanczos};

const SEEDS: u64 = 200;
const K: usize = 5;

/// A number in (-1, 1), the same for the same place.
fn noise(i: usize, j: usize) -> f64 {
    let x = (12.9898 * i as f64 + 78.233 * j as f64 + 1.0).sin() * 43758.5453;
    2.0 * (x - x.floor()) - 1.0
}

/// `X' X / rows` of examples whose columns fade.
fn gram(dim: usize, rows: usize) -> Vec<f64> {
    let x = |row: usize, i: usize| noise(row, i) * (-0.05 * i as f64).exp();
    let element = |i: usize, j: usize| (0..rows).map(|row| x(row, i) * x(row, j)).sum::<f64>() / rows as f64;
    (0..dim * dim).map(|ij| element((ij / dim).min(ij % dim), (ij / dim).max(ij % dim))).collect()
}

/// Every row and column of a matrix `times` over: least squares with so many outputs, at its minimum or elsewhere.
fn with_outputs(matrix: &[f64], dim: usize, times: usize) -> Vec<f64> {
    let n = dim * times;
    let element = |i: usize, j: usize| if i / dim == j / dim { matrix[i % dim * dim + j % dim] } else { 0.0 };
    (0..n * n).map(|ij| element(ij / n, ij % n)).collect()
}

/// The Hessian of a network of 10 tanh units on one input, after 400 steps of gradient descent, symmetric.
fn trained_network() -> Vec<f64> {
    const UNITS: usize = 10;
    const DIM: usize = 3 * UNITS + 1;
    let loss_gradient = |w: &[f64], g: &mut [f64]| {
        g.fill(0.0);
        let mut loss = 0.0;
        for example in 0..40 {
            let x = example as f64 / 10.0 - 2.0;
            let hidden = |i: usize| (w[i] * x + w[UNITS + i]).tanh();
            let output: f64 = w[DIM - 1] + (0..UNITS).map(|i| w[2 * UNITS + i] * hidden(i)).sum::<f64>();
            let error = output - (2.0 * x).sin();
            loss += 0.5 * error * error / 40.0;
            for i in 0..UNITS {
                let h = hidden(i);
                let back = error * w[2 * UNITS + i] * (1.0 - h * h) / 40.0;
                g[i] += back * x;
                g[UNITS + i] += back;
                g[2 * UNITS + i] += error * h / 40.0;
            }
            g[DIM - 1] += error / 40.0;
        }
        loss
    };
    let mut w: Vec<f64> = (0..DIM).map(|i| 1.5 * noise(i, 3)).collect();
    let mut g = vec![0.0; DIM];
    let mut network = FnObjective::of_gradient(DIM, loss_gradient).unwrap();
    for _ in 0..400 {
        network.linearize(&w, &mut g).unwrap();
        w.iter_mut().zip(&g).for_each(|(w, g)| *w -= 0.3 * g);
    }
    network.linearize(&w, &mut g).unwrap();
    let mut rows = vec![0.0; DIM * DIM];
    for i in 0..DIM {
        let axis: Vec<f64> = (0..DIM).map(|j| f64::from(u8::from(i == j))).collect();
        network.hessian_vector(&axis, &mut rows[i * DIM..(i + 1) * DIM]).unwrap();
    }
    (0..DIM * DIM).map(|ij| 0.5 * (rows[ij] + rows[ij % DIM * DIM + ij / DIM])).collect()
}

fn problems() -> Vec<(&'static str, Dense<f64>)> {
    let dense = |rows: Vec<f64>| Dense::new((rows.len() as f64).sqrt().round() as usize, rows).unwrap();
    vec![
        ("convex", dense(gram(60, 200))),
        ("at a minimum, ten outputs", dense(with_outputs(&gram(8, 40), 8, 10))),
        ("trained network", dense(trained_network())),
        ("singular", dense(gram(60, 12))),
    ]
}

/// The exact values, from a run that spans the whole space.
fn exact(matrix: &mut Dense<f64>) -> Vec<f64> {
    let dim = matrix.dim();
    let all = Lanczos { wanted: Wanted::Algebraic, tolerance: 1e-10, max_products: 2 * dim, ..Lanczos::top(dim, 0) };
    lanczos(matrix, &all, None).unwrap().algebraic().map(|pair| pair.value).collect()
}

fn right(values: &[f64], exact: &[f64], tolerance: f64) -> bool {
    values.iter().zip(exact).all(|(value, exact)| (value - exact).abs() <= tolerance * exact.abs())
}

/// Lanczos's method says an error of 1e-3, and 95 % of all measurements at least must be as good; the bound that is shown makes them better.
#[test]
fn lanczos_is_as_exact_as_it_says() {
    for (name, mut matrix) in problems() {
        let exact = exact(&mut matrix);
        for k in [1, K] {
            let (mut good, mut products) = (0, 0);
            for seed in 0..SEEDS {
                let options = Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(k, 500 + seed) };
                let found = lanczos(&mut matrix, &options, None).unwrap();
                let values: Vec<f64> = found.algebraic().map(|pair| pair.value).collect();
                good += usize::from(found.converged() && right(&values, &exact, 1e-3));
                products += found.products;
            }
            let products = products as f64 / SEEDS as f64;
            println!("| {name} | Lanczos | {k} | 0.001 | {good} of {SEEDS} | {products:.1} |");
            assert!(good as f64 >= 0.97 * SEEDS as f64, "{name}, {k}: {good}");
        }
    }
}

/// `top` says 0.01 by default, for the last of its values too, along a run as well as at first.
#[test]
fn top_is_as_exact_as_it_says() {
    for (name, mut matrix) in problems() {
        let exact = exact(&mut matrix);
        let (mut first, mut good, mut products) = (0, 0, 0);
        for seed in 0..SEEDS {
            let options = Subspace { tolerance: 0.01, ..Subspace::top(K, seed) };
            let mut tracker = SubspaceTracker::new(options, matrix.dim()).unwrap();
            let found = tracker.measure(&mut matrix, None).unwrap();
            first += usize::from(found.converged && right(&found.values, &exact, 0.01));
            // From vectors that have turned a little.
            let turned = tracker.vectors().iter().enumerate().map(|(i, vector)| {
                vector.iter().enumerate().map(|(j, x)| x + 0.05 * noise(i + 7 * seed as usize, j)).collect()
            });
            let turned: Vec<Vec<f64>> = turned.collect();
            tracker.restore(turned, seed);
            let found = tracker.measure(&mut matrix, None).unwrap();
            good += usize::from(found.converged && right(&found.values, &exact, 0.01));
            products += found.products;
        }
        let products = products as f64 / SEEDS as f64;
        println!("| {name} | `top` | {K} | 0.01 | {good} of {SEEDS} | {products:.1} |");
        assert!(first as f64 >= 0.97 * SEEDS as f64 && good as f64 >= 0.97 * SEEDS as f64, "{name}: {first} {good}");
    }
}
