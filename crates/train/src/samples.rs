//! A problem small enough to be solved by hand, for tests of what trains.

use std::collections::BTreeMap;

use onedge_objective::{Error, Objective, Probe, Sampled};

use crate::Workload;

/// `0.5 (l1 (w1 - c)^2 + l2 w2^2)`, with c the mean of the selected centers.
pub struct Bowl {
    /// l1 and l2.
    pub eigenvalues: [f64; 2],
    /// One for each example.
    pub centers: Vec<f64>,
    /// The mean of those selected.
    pub center: f64,
    /// How many examples were selected, each time.
    pub sizes: Vec<usize>,
    /// How often it was linearised.
    pub linearized: usize,
}

impl Bowl {
    /// With all examples selected.
    pub fn new(eigenvalues: [f64; 2], centers: &[f64]) -> Self {
        let mut bowl = Self { eigenvalues, centers: centers.to_vec(), center: 0.0, sizes: Vec::new(), linearized: 0 };
        Sampled::select(&mut bowl, None).unwrap();
        bowl
    }
}

impl Objective<f64> for Bowl {
    fn dim(&self) -> usize {
        2
    }

    fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        self.linearized += 1;
        gradient[0] = self.eigenvalues[0] * (w[0] - self.center);
        gradient[1] = self.eigenvalues[1] * w[1];
        self.loss(w)
    }

    fn curvature(&mut self, u: &[f64]) -> Result<f64, Error> {
        Ok(self.eigenvalues[0] * u[0] * u[0] + self.eigenvalues[1] * u[1] * u[1])
    }

    fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        (out[0], out[1]) = (self.eigenvalues[0] * v[0], self.eigenvalues[1] * v[1]);
        Ok(())
    }

    fn loss(&mut self, w: &[f64]) -> Result<f64, Error> {
        let x = w[0] - self.center;
        Error::require_finite(Probe::Loss, 0.5 * (self.eigenvalues[0] * x * x + self.eigenvalues[1] * w[1] * w[1]))
    }
}

impl Sampled<f64> for Bowl {
    fn examples(&self) -> usize {
        self.centers.len()
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Error> {
        match indices {
            None => self.select_with(&(0..self.centers.len()).collect::<Vec<_>>(), &mut |_, _| {}),
            Some(indices) => self.select_with(indices, &mut |_, _| {}),
        }
    }
}

impl Workload<f64> for Bowl {
    fn select_with(&mut self, indices: &[usize], change: &mut dyn FnMut(usize, &mut [f64])) -> Result<(), Error> {
        let mut chosen: Vec<f64> = indices.iter().map(|&i| self.centers[i]).collect();
        chosen.iter_mut().enumerate().for_each(|(place, center)| change(place, std::slice::from_mut(center)));
        self.sizes.push(chosen.len());
        self.center = chosen.iter().sum::<f64>() / chosen.len() as f64;
        Ok(())
    }

    fn metrics(&mut self, w: &[f64]) -> Result<BTreeMap<String, f64>, Error> {
        Ok(BTreeMap::from([("loss".to_owned(), self.loss(w)?)]))
    }
}
