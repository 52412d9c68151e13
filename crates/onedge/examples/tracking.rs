//! How far the eigenvalues that are followed along runs are from the exact ones, and what they cost: four small networks, each
//! trained by CDAT, at a constant rate and greedily.
//!
//!     cargo run --release -p onedge --example tracking -- [steps] [key=value ...]
use std::error::Error;

use onedge::run::{DataSets, build_problem};
use onedge::spec::{Document, Spec};
use onedge::spectrum::{Hessian, Lanczos, SharpnessTracker, Spectrum, Subspace, SubspaceTracker, Wanted, lanczos};
use onedge::tune::Trainer;

const K: usize = 5;
const STEPS_BETWEEN: u64 = 10;
const NETWORKS: [(&str, &[&str]); 4] = [
    ("MLP, relu", &["model.hidden=[64]", "data.first=400"]),
    ("MLP, tanh", &["model.hidden=[32, 32]", "model.activation=tanh", "data.first=400"]),
    ("ConvNet", &["model=convnet", "model.channels=[8, 16]", "data.first=200"]),
    ("NanoLM", &["data=cicero", "data.first=16", "data.context=32", "model=nanolm", "model.depth=2", "model.width=32"]),
];
/// The third has a rate of each network's own.
const RULES: [&[&str]; 3] = [&["tuner=cdat", "tuner.preset=paper"], &["tuner=greedy"], &["tuner=constant"]];
const RATES: [&str; 4] = ["tuner.rate=0.5", "tuner.rate=0.5", "tuner.rate=0.05", "tuner.rate=0.05"];

/// Products and relative errors of many measurements, the first of a run apart.
#[derive(Default)]
struct Account {
    first: usize,
    products: usize,
    measurements: usize,
    errors: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let steps = match arguments.first().and_then(|first| first.parse().ok()) {
        Some(steps) => {
            arguments.remove(0);
            steps
        }
        None => 200,
    };
    println!("A measurement every {STEPS_BETWEEN} steps, {steps} steps: products, mean and largest relative error");
    println!("{:<10} {:<15} {:<38} {:<38}", "network", "rule", "largest eigenvalue, by Lanczos", "largest 5");
    let mut all = [Account::default(), Account::default()];
    for ((name, settings), rate) in NETWORKS.iter().zip(RATES) {
        for rule in RULES {
            let mut document = Document::empty("tracking");
            let rate = rule.contains(&"tuner=constant").then_some(rate);
            for assignment in settings.iter().chain(rule).chain(&rate) {
                document.set(assignment)?;
            }
            arguments.iter().try_for_each(|assignment| document.set(assignment))?;
            let found = follow(&Spec::resolve(&document)?, steps)?;
            println!("{name:<10} {:<15} {:<38} {:<38}", &rule[0][6..], found[0].text(), found[1].text());
            for (all, found) in all.iter_mut().zip(found) {
                all.add(found);
            }
        }
    }
    println!("{:<10} {:<15} {:<38} {:<38}", "all", "", all[0].text(), all[1].text());
    Ok(())
}

/// What both trackers found along a run of `spec`.
fn follow(spec: &Spec, steps: u64) -> Result<[Account; 2], Box<dyn Error>> {
    let mut problem = build_problem::<f32>(spec, &mut DataSets::new(None))?;
    let mut w = problem.initial(spec.seed);
    let train = &mut *problem.train;
    let mut gradient = vec![0.0; w.len()];
    let top = |k, seed| Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(k, seed) };
    let mut trainer = Trainer::new(w.len(), spec.build_optimizer()?, spec.build_tuner()?, top(1, 1))?;
    let mut one = SharpnessTracker::new(top(1, 1));
    let mut five = SubspaceTracker::new(Subspace::top(K, 1), w.len())?;
    let mut accounts = [Account::default(), Account::default()];
    while trainer.steps() < steps {
        train.linearize(&w, &mut gradient)?;
        // From random vectors alone.
        let exact = Lanczos { tolerance: 1e-6, max_products: 1000, ..top(K, 1000 + trainer.steps()) };
        let exact = values(&lanczos(&mut Hessian::new(train), &exact, None)?);
        let found = one.measure(&mut Hessian::new(train))?;
        accounts[0].count(found.products, &values(&found), &exact);
        let found = five.measure(&mut Hessian::new(train), Some(&gradient))?;
        accounts[1].count(found.products, &found.values, &exact);
        for _ in 0..STEPS_BETWEEN {
            trainer.step(train, &mut w)?;
        }
    }
    Ok(accounts)
}

fn values(spectrum: &Spectrum<f32>) -> Vec<f64> {
    spectrum.algebraic().map(|pair| pair.value).collect()
}

impl Account {
    fn count(&mut self, products: usize, values: &[f64], exact: &[f64]) {
        if self.first == 0 {
            self.first = products;
        } else {
            self.products += products;
            self.measurements += 1;
        }
        self.errors.extend(values.iter().zip(exact).map(|(value, exact)| (value / exact - 1.0).abs()));
    }

    fn add(&mut self, other: Self) {
        self.first = self.first.max(other.first);
        self.products += other.products;
        self.measurements += other.measurements;
        self.errors.extend(other.errors);
    }

    fn text(&self) -> String {
        let mean = self.errors.iter().sum::<f64>() / self.errors.len() as f64;
        let largest = self.errors.iter().copied().fold(0.0, f64::max);
        let products = self.products as f64 / self.measurements as f64;
        format!("first {:>2}, then {products:>4.1}, {mean:.0e}, {largest:.0e}", self.first)
    }
}
