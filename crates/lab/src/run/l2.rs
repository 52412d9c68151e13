use std::collections::BTreeMap;

use onedge_objective::{Costs, Error, Objective, Probe, Real, vector};

use crate::run::Workload;

/// A workload with `0.5 l2 |w|^2` added to its loss.
pub struct WithL2<W> {
    inner: W,
    l2: f64,
}

impl<W> WithL2<W> {
    /// Adds the term.
    pub fn new(inner: W, l2: f64) -> Self {
        Self { inner, l2 }
    }

    fn term<T: Real>(&self, w: &[T]) -> f64 {
        0.5 * self.l2 * vector::dot(w, w)
    }
}

impl<T: Real, W: Workload<T>> Objective<T> for WithL2<W> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Error> {
        let loss = self.inner.linearize(w, gradient)?;
        vector::axpy(self.l2, w, gradient);
        Error::require_finite(Probe::Loss, loss + self.term(w))
    }

    fn curvature(&mut self, u: &[T]) -> Result<f64, Error> {
        Error::require_finite(Probe::Curvature, self.inner.curvature(u)? + self.l2 * vector::dot(u, u))
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        self.inner.hessian_vector(v, out)?;
        vector::axpy(self.l2, v, out);
        Ok(())
    }

    fn loss(&mut self, w: &[T]) -> Result<f64, Error> {
        let loss = self.inner.loss(w)?;
        Error::require_finite(Probe::Loss, loss + self.term(w))
    }

    fn costs(&self) -> Costs {
        self.inner.costs()
    }
}

impl<T: Real, W: Workload<T>> Workload<T> for WithL2<W> {
    fn examples(&self) -> usize {
        self.inner.examples()
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Error> {
        self.inner.select(indices)
    }

    /// The means without the term.
    fn metrics(&mut self, w: &[T]) -> Result<BTreeMap<String, f64>, Error> {
        self.inner.metrics(w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples::Bowl;

    #[test]
    fn adds_a_multiple_of_the_identity() {
        let mut bowl = WithL2::new(Bowl::new([4.0, 1.0], &[0.0]), 0.5);
        let mut gradient = [0.0; 2];
        // 0.5 (4 + 1 * 4) + 0.25 (1 + 4)
        assert_eq!(bowl.linearize(&[1.0, -2.0], &mut gradient).unwrap(), 5.25);
        assert_eq!(gradient, [4.5, -3.0]);
        assert_eq!(bowl.loss(&[1.0, -2.0]).unwrap(), 5.25);
        assert_eq!(bowl.curvature(&[2.0, 1.0]).unwrap(), 4.5 * 4.0 + 1.5);
        let mut product = [0.0; 2];
        bowl.hessian_vector(&[2.0, 1.0], &mut product).unwrap();
        assert_eq!(product, [9.0, 1.5]);
        assert_eq!(bowl.metrics(&[1.0, -2.0]).unwrap()["loss"], 4.0);
    }
}
