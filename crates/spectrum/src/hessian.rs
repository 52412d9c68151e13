use onedge_objective::{Objective, Real};

use crate::{Error, LinearOperator};

/// The Hessian of an objective at the point where it was last linearised.
///
/// Cost: one `hessian_vector` a product.
pub struct Hessian<'a, T: Real> {
    objective: &'a mut dyn Objective<T>,
}

impl<'a, T: Real> Hessian<'a, T> {
    /// The Hessian of `objective`, which must have been linearised.
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
}
