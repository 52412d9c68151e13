//! Mini-batches: which sigma ends lowest at which batch size. **Ours: no paper cited here has it.**
//!
//! The loss is `(lambda x^2 + nu |z|^2) / 2` with x along the top eigenvector, whose eigenvalue lambda moves as in equation (4), and z along a number
//! k of `directions` that share the second eigenvalue nu. A step reads the gradient of a batch of m of N examples,
//!
//! ```text
//! g = (lambda x, nu z) + n        n of variance  s^2 (N - m) / ((N - 1) m) (f / f_0)^power  in each of the k + 1 directions
//! v <- mu v + g                   u = -v
//! eta = sigma n / d               n, d: averages with decay beta of max(-g.u, 0) and |u.Hu|
//! (x, z) <- (x, z) + eta u        lambda <- lambda + eta / (1 - mu) (a - b x^2), the new x; never under nu
//! ```
//!
//! The factor `(N - m) / ((N - 1) m)` is exactly that of batches drawn without replacement; s^2 is the variance of one example's gradient in one direction, given as the
//! noise scale at the start, `B = (k + 1) s^2 / |g_0|^2` in examples. `power` says how the noise goes with the loss f: 0 stays as it is (labels that cannot be
//! fitted), 1 vanishes with the loss (every example is fitted).
//!
//! Differs from equation (4): lambda is not under nu, where it would no longer be the top; with momentum mu time runs at `eta / (1 - mu)`.
//!
//! Cost: some `40 (k + 1)` operations a step.

use std::fmt::Write;

use crate::stochastic::{Noise, Source};
use crate::{LIMIT, Parameters};

/// What is trained, and by what optimizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// Sharpening, stabilisation, and the second eigenvalue.
    pub parameters: Parameters,
    /// Directions of the second eigenvalue, 1 or more.
    pub directions: usize,
    /// The sharpness at the start.
    pub lambda: f64,
    /// The squared displacement along the top, at the start.
    pub p: f64,
    /// That along all other directions together, in equal parts.
    pub q: f64,
    /// In [0, 1): 0 is gradient descent.
    pub momentum: f64,
    /// The noise scale at the start, in examples.
    pub noise: f64,
    /// How the variance of the noise goes with the loss.
    pub power: f64,
    /// N, how many examples there are.
    pub examples: usize,
}

/// The rule for the rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// The same at every step.
    Constant(f64),
    /// CDAT of this batch's gradient, with averages of decay `beta`.
    Cdat {
        /// The factor.
        sigma: f64,
        /// In [0, 1): 0 averages nothing.
        beta: f64,
    },
}

impl Model {
    /// The loss at the start.
    pub fn first_loss(&self) -> f64 {
        0.5 * (self.lambda * self.p + self.parameters.nu * self.q)
    }

    /// The variance that a batch of `batch` examples leaves in each direction of the gradient, at the start.
    pub fn variance(&self, batch: usize) -> f64 {
        let square = self.lambda.powi(2) * self.p + self.parameters.nu.powi(2) * self.q;
        let one = self.noise * square / (self.directions + 1) as f64;
        let (all, batch) = (self.examples as f64, batch as f64);
        if batch >= all { 0.0 } else { one * (all - batch) / ((all - 1.0) * batch) }
    }

    /// Trains, and shows the loss before each of `steps` steps. Whether it came to its end; else the loss went beyond [`LIMIT`] times the first, or is no
    /// number. The same seed draws the same numbers whatever the rate.
    pub fn train(&self, rate: Rate, batch: usize, steps: usize, seed: u64, mut observe: impl FnMut(f64)) -> bool {
        let &Self { parameters: Parameters { a, b, nu }, directions, momentum, .. } = self;
        let (first, variance) = (self.first_loss(), self.variance(batch));
        let mut lambda = self.lambda;
        // The top first.
        let mut place = vec![(self.q / directions as f64).sqrt(); directions + 1];
        place[0] = self.p.sqrt();
        let mut velocity = vec![0.0; directions + 1];
        let (mut numerator, mut denominator) = (0.0, 0.0);
        let mut source = Source::new(Noise { seed, ..Noise::NONE });
        for _ in 0..steps {
            let eigenvalue = |i: usize| if i == 0 { lambda } else { nu };
            let loss = 0.5 * place.iter().enumerate().map(|(i, x)| eigenvalue(i) * x * x).sum::<f64>();
            if loss.is_nan() || loss > LIMIT * first {
                return false;
            }
            observe(loss);
            let deviation = (variance * (loss / first).powf(self.power)).sqrt();
            let (mut slope, mut curvature) = (0.0, 0.0);
            for i in (0..=directions).step_by(2) {
                let normals = source.normals();
                for (j, normal) in (i..=directions).zip(normals) {
                    let gradient = eigenvalue(j) * place[j] + deviation * normal;
                    velocity[j] = momentum * velocity[j] + gradient;
                    slope += gradient * velocity[j];
                    curvature += eigenvalue(j) * velocity[j] * velocity[j];
                }
            }
            let eta = match rate {
                Rate::Constant(eta) => eta,
                Rate::Cdat { sigma, beta } => {
                    numerator = beta * numerator + (1.0 - beta) * slope.max(0.0);
                    denominator = beta * denominator + (1.0 - beta) * curvature.abs();
                    // At rest there is nowhere to go.
                    if denominator > 0.0 { sigma * numerator / denominator } else { 0.0 }
                }
            };
            place.iter_mut().zip(&velocity).for_each(|(x, v)| *x -= eta * v);
            lambda = (lambda + eta / (1.0 - momentum) * (a - b * place[0] * place[0])).max(nu);
        }
        true
    }

    /// The mean loss before the last tenth of the steps, one at least, over the first; `None` if it diverged.
    pub fn end(&self, rate: Rate, batch: usize, steps: usize, seed: u64) -> Option<f64> {
        let from = (steps * 9 / 10).min(steps.saturating_sub(1));
        let (mut step, mut sum) = (0, 0.0);
        let done = self.train(rate, batch, steps, seed, |loss| {
            sum += if step >= from { loss } else { 0.0 };
            step += 1;
        });
        done.then(|| sum / (steps - from) as f64 / self.first_loss())
    }
}

/// The runs of a map: each sigma at each batch size, from several seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Batches {
    /// What is trained.
    pub model: Model,
    /// From left to right.
    pub sigmas: Vec<f64>,
    /// Sizes of batches with the steps of a run of each, from bottom to top.
    pub batches: Vec<(usize, usize)>,
    /// Decay of CDAT's averages.
    pub beta: f64,
    /// From this seed on.
    pub seed: u64,
    /// So many, 1 or more.
    pub seeds: u64,
}

/// A map that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchMap {
    /// Of what.
    pub of: Batches,
    /// Row by row from the first batch size, each from the first sigma: the mean over seeds of the last over the first loss; `None` where a run
    /// diverged or did not end under its first loss.
    pub cells: Vec<Option<f64>>,
}

impl Batches {
    /// Makes all runs.
    pub fn map(&self) -> BatchMap {
        let cell = |(batch, steps): (usize, usize), sigma: f64| {
            let rate = Rate::Cdat { sigma, beta: self.beta };
            let ends: Option<Vec<f64>> =
                (0..self.seeds).map(|seed| self.model.end(rate, batch, steps, self.seed + seed)).collect();
            ends.map(|ends| ends.iter().sum::<f64>() / ends.len() as f64).filter(|mean| *mean < 1.0)
        };
        let row = |&batch| self.sigmas.iter().map(move |&sigma| cell(batch, sigma));
        BatchMap { of: self.clone(), cells: self.batches.iter().flat_map(row).collect() }
    }
}

impl BatchMap {
    /// The cells of each batch size.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[Option<f64>])> {
        self.of.batches.iter().map(|(batch, _)| *batch).zip(self.cells.chunks(self.of.sigmas.len().max(1)))
    }

    /// The sigma that ends lowest at each batch size, with its value.
    pub fn best(&self) -> Vec<(usize, Option<(f64, f64)>)> {
        let of = |cells: &[Option<f64>]| {
            let valued = self.of.sigmas.iter().zip(cells).filter_map(|(sigma, cell)| Some((*sigma, (*cell)?)));
            valued.min_by(|a, b| a.1.total_cmp(&b.1))
        };
        self.rows().map(|(batch, cells)| (batch, of(cells))).collect()
    }

    /// As CSV, with the heading `batch,steps,sigma,last_over_first_loss`; empty where there is nothing.
    pub fn csv(&self) -> String {
        let mut text = String::from("batch,steps,sigma,last_over_first_loss\n");
        for ((batch, steps), (_, cells)) in self.of.batches.iter().zip(self.rows()) {
            for (sigma, cell) in self.of.sigmas.iter().zip(cells) {
                let value = cell.map_or(String::new(), |value| format!("{value:e}"));
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{batch},{steps},{sigma},{value}");
            }
        }
        text
    }
}

#[cfg(test)]
#[path = "../tests/unit/batches.rs"]
mod tests;
