use onedge_objective::{Objective, Real, Shelf};

use crate::{Error, LinearOperator};

/// The Hessian of an objective at the point where it was last linearised.
///
/// Cost: one `hessian_vector` a product; of several at once, `hessian_vectors`.
pub struct Hessian<'a, T: Real> {
    objective: &'a mut dyn Objective<T>,
}

impl<'a, T: Real> Hessian<'a, T> {
    /// The Hessian of `objective`, which must have been linearised.
    ///
    /// # Example
    /// The sharpness of a loss given as a closure:
    /// ```
    /// use onedge_objective::{FnObjective, Objective};
    /// use onedge_spectrum::{Hessian, Lanczos, lanczos};
    ///
    /// let mut bowl = FnObjective::of_loss(2, |w| 2.0 * w[0] * w[0] + 0.5 * w[1] * w[1])?;
    /// bowl.linearize(&[1.0, -1.0], &mut [0.0; 2])?;
    /// let spectrum = lanczos(&mut Hessian::new(&mut bowl), &Lanczos::top(1, 0), None)?;
    /// let sharpness = spectrum.largest().map(|pair| pair.value);
    /// assert!(sharpness.is_some_and(|sharpness| (sharpness - 4.0).abs() < 1e-3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(objective: &'a mut dyn Objective<T>) -> Self {
        Self { objective }
    }
}

impl<T: Real> LinearOperator<T> for Hessian<'_, T> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        Ok(self.objective.hessian_vector(v, out)?)
    }

    fn apply_all(&mut self, vectors: &[Vec<T>], out: &mut [Vec<T>]) -> Result<(), Error> {
        Ok(self.objective.hessian_vectors(vectors, out)?)
    }

    fn at_once(&self) -> usize {
        self.objective.products_at_once()
    }

    fn shelf(&mut self) -> Option<&mut dyn Shelf<T>> {
        self.objective.shelf()
    }
}
