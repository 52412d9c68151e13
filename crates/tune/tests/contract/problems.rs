//! Losses whose derivatives are known by hand, and what wraps them.

use std::collections::BTreeMap;

use onedge_objective::{Costs, Error, Layer, Objective, Probe, Real};
use onedge_registry::{Default, Entry, Value};
use onedge_tune::{Optimizer, optimizers};

/// `1/2 sum a_i (w_i - 1)^2`
pub struct Quadratic {
    pub a: Vec<f64>,
    center: Option<Vec<f64>>,
}

impl Quadratic {
    pub fn new(a: &[f64]) -> Self {
        Self { a: a.to_vec(), center: None }
    }

    /// Curvatures from 0.1 to 100.
    pub fn ill_conditioned() -> Self {
        Self::new(&[0.1, 0.7, 3.0, 20.0, 100.0])
    }
}

impl<T: Real> Objective<T> for Quadratic {
    fn dim(&self) -> usize {
        self.a.len()
    }

    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Error> {
        let w: Vec<f64> = w.iter().map(|w| w.to_f64()).collect();
        for ((g, a), w) in gradient.iter_mut().zip(&self.a).zip(&w) {
            *g = T::from_f64(a * (w - 1.0));
        }
        let loss = self.a.iter().zip(&w).map(|(a, w)| 0.5 * a * (w - 1.0).powi(2)).sum();
        self.center = Some(w);
        Error::require_finite(Probe::Loss, loss)
    }

    fn curvature(&mut self, u: &[T]) -> Result<f64, Error> {
        Ok(self.a.iter().zip(u).map(|(a, u)| a * u.to_f64().powi(2)).sum())
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        if self.center.is_none() {
            return Err(Error::NotLinearized { probe: Probe::HessianVector });
        }
        out.iter_mut().zip(v).zip(&self.a).for_each(|((out, v), a)| *out = T::from_f64(a * v.to_f64()));
        Ok(())
    }

    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        self.hessian_vector(v, out)
    }

    fn loss(&mut self, w: &[T]) -> Result<f64, Error> {
        let loss = self.a.iter().zip(w).map(|(a, w)| 0.5 * a * (w.to_f64() - 1.0).powi(2)).sum();
        Error::require_finite(Probe::TrialLoss, loss)
    }
}

/// `(1 - x)^2 + 100 (y - x^2)^2`, with negative curvature above the parabola.
#[derive(Clone, Copy)]
pub struct Rosenbrock {
    point: [f64; 2],
}

impl Rosenbrock {
    pub fn new() -> Self {
        Self { point: [f64::NAN; 2] }
    }

    fn value([x, y]: [f64; 2]) -> f64 {
        (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2)
    }

    fn hessian(&self) -> [[f64; 2]; 2] {
        let [x, y] = self.point;
        [[2.0 - 400.0 * (y - 3.0 * x * x), -400.0 * x], [-400.0 * x, 200.0]]
    }
}

impl<T: Real> Objective<T> for Rosenbrock {
    fn dim(&self) -> usize {
        2
    }

    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Error> {
        let [x, y] = [w[0].to_f64(), w[1].to_f64()];
        self.point = [x, y];
        gradient[0] = T::from_f64(-2.0 * (1.0 - x) - 400.0 * x * (y - x * x));
        gradient[1] = T::from_f64(200.0 * (y - x * x));
        Error::require_finite(Probe::Loss, Self::value(self.point))
    }

    fn curvature(&mut self, u: &[T]) -> Result<f64, Error> {
        let ([[a, b], [_, d]], u, v) = (self.hessian(), u[0].to_f64(), u[1].to_f64());
        Error::require_finite(Probe::Curvature, a * u * u + 2.0 * b * u * v + d * v * v)
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        for (row, out) in self.hessian().iter().zip(out) {
            *out = T::from_f64(row[0] * v[0].to_f64() + row[1] * v[1].to_f64());
        }
        Ok(())
    }

    /// Of the outputs `1 - x` and `10 (y - x^2)`, squared and added: J has the rows (-1, 0) and (-20 x, 10), and B is twice the identity.
    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        let (x, [a, b]) = (self.point[0], [v[0].to_f64(), v[1].to_f64()]);
        let (first, second) = (-a, -20.0 * x * a + 10.0 * b);
        out[0] = T::from_f64(2.0 * (-first - 20.0 * x * second));
        out[1] = T::from_f64(20.0 * second);
        Error::require_finite(Probe::GaussNewtonVector, out[0].to_f64() + out[1].to_f64()).map(|_| ())
    }

    fn loss(&mut self, w: &[T]) -> Result<f64, Error> {
        Error::require_finite(Probe::TrialLoss, Self::value([w[0].to_f64(), w[1].to_f64()]))
    }
}

/// Counts what is called, in evaluations of the loss at prices of its own.
pub struct Counted<O> {
    pub inner: O,
    pub spent: f64,
}

pub const PRICES: Costs = Costs { linearize: 2.5, curvature: 7.0, hessian_vector: 11.0, gauss_newton_vector: 13.0 };

impl<T: Real, O: Objective<T>> Objective<T> for Counted<O> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Error> {
        self.spent += PRICES.linearize;
        self.inner.linearize(w, gradient)
    }

    fn curvature(&mut self, u: &[T]) -> Result<f64, Error> {
        self.spent += PRICES.curvature;
        self.inner.curvature(u)
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        self.spent += PRICES.hessian_vector;
        self.inner.hessian_vector(v, out)
    }

    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        self.spent += PRICES.gauss_newton_vector;
        self.inner.gauss_newton_vector(v, out)
    }

    fn loss(&mut self, w: &[T]) -> Result<f64, Error> {
        self.spent += 1.0;
        self.inner.loss(w)
    }

    fn costs(&self) -> Costs {
        PRICES
    }
}

/// Layers for so many parameters: a hidden matrix and a vector, between an input and an output that have none.
pub fn layers(dim: usize) -> Vec<Layer> {
    let (matrix, bias) = match dim {
        0..=2 => (vec![dim, 1], 0),
        3 => (vec![2, 1], 1),
        _ => (vec![2, 2], dim - 4),
    };
    Layer::in_order([
        ("in.weight", vec![0, matrix[0]]),
        ("hidden.weight", matrix.clone()),
        ("hidden.bias", vec![bias]),
        ("out.weight", vec![matrix[1], 0]),
    ])
}

/// An optimizer with the settings `given`, told the [`layers`] of so many parameters.
pub fn optimizer<T: Real>(name: &str, given: BTreeMap<String, Value>, dim: usize) -> Box<dyn Optimizer<T>> {
    let mut optimizer = optimizers::build(name, given).unwrap();
    optimizer.set_layers(&layers(dim)).unwrap();
    optimizer
}

/// Settings for an entry: values for what is required, defaults for the rest.
pub fn given<B>(entry: &Entry<B>) -> BTreeMap<String, Value> {
    let required = entry.settings.iter().filter(|s| matches!(s.default, Default::Required));
    let text = |key| match key {
        "rate" => "0.005",
        "horizon" => "25",
        "factor" => "0.9",
        "period" => "3",
        other => panic!("{}: say here what `{other}` should be in tests", entry.name),
    };
    required.map(|s| (s.key.to_owned(), Value::parse(text(s.key)))).collect()
}
