//! CDAT on a function written by hand: Rosenbrock's valley, `f(x, y) = (1 - x)^2 + 100 (y - x^2)^2`.
//!
//! Anything that can tell its loss, gradient and Hessian-vector products is an `Objective`; `u . H u` follows from them unless it knows better.

use onedge::objective::{Error, Objective, Probe};
use onedge::spectrum::Lanczos;
use onedge::tune::optimizers::Gd;
use onedge::tune::tuners::Cdat;
use onedge::tune::{Metric, Trainer};

/// The valley, and the point at which it was last linearised.
#[derive(Default)]
struct Rosenbrock {
    at: Option<[f64; 2]>,
}

impl Rosenbrock {
    /// The rows of the Hessian at the linearised point.
    fn hessian(&self) -> Result<[[f64; 2]; 2], Error> {
        let [x, y] = self.at.ok_or(Error::NotLinearized { probe: Probe::HessianVector })?;
        Ok([[2.0 - 400.0 * (y - 3.0 * x * x), -400.0 * x], [-400.0 * x, 200.0]])
    }
}

impl Objective<f64> for Rosenbrock {
    fn dim(&self) -> usize {
        2
    }

    fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        let (x, y) = (w[0], w[1]);
        gradient[0] = -2.0 * (1.0 - x) - 400.0 * x * (y - x * x);
        gradient[1] = 200.0 * (y - x * x);
        self.at = Some([x, y]);
        self.loss(w)
    }

    fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        for (out, row) in out.iter_mut().zip(self.hessian()?) {
            *out = row[0] * v[0] + row[1] * v[1];
        }
        Ok(())
    }

    fn loss(&mut self, w: &[f64]) -> Result<f64, Error> {
        let (x, y) = (w[0], w[1]);
        Error::require_finite(Probe::Loss, (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2))
    }
}

fn main() -> Result<(), onedge::tune::Error> {
    let mut valley = Rosenbrock::default();
    let mut w = [-1.2, 1.0];
    let mut trainer = Trainer::new(2, Box::new(Gd::paper()), Box::new(Cdat::paper()), Lanczos::top(1, 0))?;
    println!("step        loss   learning rate   rate x sharpness");
    for _ in 0..2000 {
        let mut step = trainer.begin(&mut valley, &mut w)?;
        step.measure_sharpness(Metric::Hessian)?;
        let report = step.finish()?;
        if report.step % 200 == 0 {
            let product = report.sharpness.unwrap_or(f64::NAN) * report.learning_rate;
            println!("{:4}  {:10.3e}  {:14.3e}  {product:17.3}", report.step, report.loss, report.learning_rate);
        }
    }
    println!("ended at ({:.4}, {:.4}); the minimum is (1, 1)", w[0], w[1]);
    Ok(())
}
