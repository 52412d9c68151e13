//! What eigenvalues cost: Lanczos against power iteration at a point, and ways to follow the largest five along a run.
//!
//!     cargo run --release -p onedge --example eigenvalues -- [spec.toml] [key=value ...]
use std::error::Error;

use onedge::lab::run::{Library, Problem};
use onedge::lab::spec::{Document, Spec};
use onedge::objective::vector;
use onedge::spectrum::{
    Hessian, Lanczos, LinearOperator, SharpnessTracker, Spectrum, Subspace, SubspaceTracker, Wanted, lanczos,
};
use onedge::tune::Trainer;

const K: usize = 5;
const MEASUREMENTS: usize = 30;
const STEPS_BETWEEN: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut document = match arguments.first().filter(|first| first.ends_with(".toml")).cloned() {
        Some(path) => {
            arguments.remove(0);
            Document::read(path.as_ref())?
        }
        None => Document::empty("eigenvalues"),
    };
    arguments.iter().try_for_each(|assignment| document.set(assignment))?;
    let spec = Spec::resolve(&document)?;
    let mut problem = Problem::<f32>::build(&spec, &mut Library::new(None))?;
    let mut w = problem.initial(spec.seed);
    let train = &mut *problem.train;
    let mut gradient = vec![0.0; w.len()];

    let top = |k, tolerance| Lanczos { wanted: Wanted::Algebraic, tolerance, ..Lanczos::top(k, 1) };
    let mut trainer = Trainer::new(w.len(), spec.build_optimizer()?, spec.build_tuner()?, top(1, 1e-3))?;
    println!("{} parameters. Products with H for the largest eigenvalue, residual to 1e-3 of it:", w.len());
    println!(
        "{:>6} {:>12} {:>8} {:>8} {:>8} {:>14}",
        "step", "eigenvalue", "Lanczos", "power", "ratio", "power's error"
    );
    for steps in [0, 20, 200] {
        while trainer.steps() < steps {
            trainer.step(train, &mut w)?;
        }
        train.linearize(&w, &mut gradient)?;
        let exact = lanczos(&mut Hessian::new(train), &top(1, 1e-5), None)?.largest().map_or(0.0, |pair| pair.value);
        let found = lanczos(&mut Hessian::new(train), &top(1, 1e-3), None)?;
        let (value, products) = power(&mut Hessian::new(train), &found.pairs[0].vector)?;
        let error = (value / exact - 1.0).abs();
        let ratio = products as f64 / found.products as f64;
        println!("{steps:>6} {exact:>12.4} {:>8} {products:>8} {ratio:>8.1} {error:>14.1e}", found.products);
    }

    println!("\nFollowing the largest {K} over {MEASUREMENTS} measurements, {STEPS_BETWEEN} steps apart:");
    let mut by_lanczos = SharpnessTracker::new(top(K, 1e-3));
    let mut by_subspace = SubspaceTracker::new(Subspace::top(K, 1), w.len())?;
    let (mut products, mut worst) = ([0, 0], [0.0_f64; 2]);
    for measurement in 0..=MEASUREMENTS {
        for _ in 0..STEPS_BETWEEN {
            trainer.step(train, &mut w)?;
        }
        train.linearize(&w, &mut gradient)?;
        let exact = values(&lanczos(&mut Hessian::new(train), &top(K, 1e-5), None)?);
        let first = by_lanczos.measure(&mut Hessian::new(train), Some(&gradient))?;
        let second = by_subspace.measure(&mut Hessian::new(train), Some(&gradient))?;
        // The first has nothing to start from.
        if measurement == 0 {
            println!("cold: Lanczos {}, subspace {} products", first.products, second.products);
            continue;
        }
        products = [products[0] + first.products, products[1] + second.products];
        for (worst, found) in worst.iter_mut().zip([values(&first), second.values]) {
            let errors = found.iter().zip(&exact).map(|(a, b)| (a / b - 1.0).abs());
            *worst = errors.fold(*worst, f64::max);
        }
    }
    for (name, (products, worst)) in ["Lanczos, warm", "subspace, warm"].iter().zip(products.iter().zip(worst)) {
        let mean = *products as f64 / MEASUREMENTS as f64;
        println!("{name:<15} {mean:>6.1} products a measurement, largest relative error {worst:.1e}");
    }
    Ok(())
}

/// The eigenvalue and the products of a power iteration that ends, as Lanczos does, at a residual of 1e-3 of the value. (Its usual rule, a
/// small change of the value, says nothing about the residual.) Starts at random vector; `like` has the dimension.
fn power(hessian: &mut dyn LinearOperator<f32>, like: &[f32]) -> Result<(f64, usize), Box<dyn Error>> {
    let mut v: Vec<f32> = (0..like.len()).map(|i| (i as f32 * 12.9898).sin()).collect();
    let mut product = v.clone();
    for products in 1..=3000 {
        let norm = vector::norm(&v);
        vector::scale(1.0 / norm, &mut v);
        hessian.apply(&v, &mut product)?;
        let value = vector::dot(&v, &product);
        let mut residual = product.clone();
        vector::axpy(-value, &v, &mut residual);
        if vector::norm(&residual) <= 1e-3 * value.abs() {
            return Ok((value, products));
        }
        std::mem::swap(&mut v, &mut product);
    }
    Ok((f64::NAN, 3000))
}

fn values(spectrum: &Spectrum<f32>) -> Vec<f64> {
    spectrum.algebraic().map(|pair| pair.value).collect()
}
