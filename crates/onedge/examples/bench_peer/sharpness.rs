//! The largest eigenvalue of the Hessian of a linearised objective, to a residual of 1e-3 of it.

use anyhow::{Result, ensure};
use onedge::engine::DataObjective;
use onedge::objective::{Objective, Sampled, vector};
use onedge::spectrum::{
    Hessian, Lanczos, PowerIteration, Until, Wanted, coarse_sample, coarse_start, lanczos, power_iteration,
};
use serde_json::{Value as Json, json};

const TOLERANCE: f64 = 1e-3;
const MAX_PRODUCTS: usize = 3000;

/// An approximate eigenpair and what it took.
#[derive(Default)]
pub struct Found {
    value: f64,
    vector: Vec<f32>,
    products: usize,
}

/// Linearises at `w` and finds the eigenvalue by Lanczos: from the random vector of `seed`, or from what a sample of the examples
/// shows.
pub fn by_lanczos(
    objective: &mut DataObjective<f32>,
    w: &[f32],
    (threads, seed): (usize, u64),
    sampled: bool,
) -> Result<Found> {
    // Residuals may be ten times as large as errors.
    let options = Lanczos { wanted: Wanted::Algebraic, tolerance: 0.1 * TOLERANCE, threads, ..Lanczos::top(1, seed) };
    let sample = coarse_sample(Sampled::examples(objective)).filter(|_| sampled);
    let start = sample.map(|sample| coarse_start(objective, w, sample, &options)).transpose()?;
    objective.linearize(w, &mut vec![0.0; w.len()])?;
    let spectrum = lanczos(&mut Hessian::new(objective), &options, start.as_deref())?;
    let products = spectrum.products;
    ensure!(spectrum.converged(), "sharpness: Lanczos has not converged after {products} products");
    let pair = spectrum.pairs.into_iter().next().expect("k is 1");
    Ok(Found { value: pair.value, vector: pair.vector, products })
}

/// The same by power iteration from the random vector of `seed`: the eigenvalue of largest magnitude.
pub fn by_power_iteration(objective: &mut DataObjective<f32>, w: &[f32], seed: u64) -> Result<Found> {
    objective.linearize(w, &mut vec![0.0; w.len()])?;
    let options = PowerIteration { max_products: MAX_PRODUCTS, until: Until::Residual(TOLERANCE), seed };
    let power = power_iteration(&mut Hessian::new(objective), &options, None)?;
    ensure!(power.converged, "power: no residual of {TOLERANCE} after {MAX_PRODUCTS} products");
    Ok(Found { value: power.value, vector: power.vector, products: power.products })
}

impl Found {
    /// The value, `|Hv - value v| / |value|` by a product of its own, and the products before that one.
    pub fn describe(&self, objective: &mut DataObjective<f32>) -> Result<Json> {
        let mut residual = vec![0.0; self.vector.len()];
        objective.hessian_vector(&self.vector, &mut residual)?;
        vector::axpy(-self.value, &self.vector, &mut residual);
        let residual = vector::norm(&residual) / self.value.abs();
        Ok(json!({"largest": self.value, "residual": residual, "products": self.products}))
    }
}
