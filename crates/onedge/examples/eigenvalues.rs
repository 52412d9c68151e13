//! What eigenvalues cost: Lanczos against power iteration at a point, and ways to follow the largest five along a run.
//!
//!     cargo run --release -p onedge --example eigenvalues -- [spec.toml] [key=value ...]
use std::error::Error;

use onedge::run::{DataSets, build_problem};
use onedge::spec::{Document, Spec};
use onedge::spectrum::{
    Hessian, Lanczos, PowerIteration, SharpnessTracker, Spectrum, Subspace, SubspaceTracker, Until, Wanted, lanczos,
    power_iteration,
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
    let mut problem = build_problem::<f32>(&spec, &mut DataSets::new(None))?;
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
        // To the same residual, of which the usual rule, a small change of the value, says nothing.
        let rule = PowerIteration { max_products: 3000, until: Until::Residual(1e-3), seed: 1 };
        let power = power_iteration(&mut Hessian::new(train), &rule, None)?;
        let (products, error) = (power.products, (power.value / exact - 1.0).abs());
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
        let first = by_lanczos.measure(&mut Hessian::new(train))?;
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
    for (name, (products, worst)) in ["Lanczos", "subspace"].iter().zip(products.iter().zip(worst)) {
        let mean = *products as f64 / MEASUREMENTS as f64;
        println!("{name:<15} {mean:>6.1} products a measurement, largest relative error {worst:.1e}");
    }
    Ok(())
}

fn values(spectrum: &Spectrum<f32>) -> Vec<f64> {
    spectrum.algebraic().map(|pair| pair.value).collect()
}
