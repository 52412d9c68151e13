use onedge_objective::{Objective, Real, Shelf};

use crate::{Error, LinearOperator};

/// The Gauss-Newton matrix `G = J' B J` of an objective at the point where it was last linearised. It has no negative
/// eigenvalue where the loss is convex in the outputs.
///
/// Cost: one `gauss_newton_vector` a product.
pub struct GaussNewton<'a, T: Real> {
    objective: &'a mut dyn Objective<T>,
}

/// The residual part `H - G` of the Hessian: `sum_k dL/d(output_k) Hess(output_k)`. It vanishes as the loss of each example does,
/// and where the outputs are linear in the parameters.
///
/// Cost: one product with each a product.
pub struct Residual<'a, T: Real> {
    objective: &'a mut dyn Objective<T>,
    product: Vec<T>,
}

impl<'a, T: Real> GaussNewton<'a, T> {
    /// The Gauss-Newton matrix of `objective`.
    pub fn new(objective: &'a mut dyn Objective<T>) -> Self {
        Self { objective }
    }
}

impl<'a, T: Real> Residual<'a, T> {
    /// The residual part of the Hessian of `objective`.
    pub fn new(objective: &'a mut dyn Objective<T>) -> Self {
        Self { product: vec![T::ZERO; objective.dim()], objective }
    }
}

impl<T: Real> LinearOperator<T> for GaussNewton<'_, T> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        Ok(self.objective.gauss_newton_vector(v, out)?)
    }

    fn shelf(&mut self) -> Option<&mut dyn Shelf<T>> {
        self.objective.shelf()
    }
}

impl<T: Real> LinearOperator<T> for Residual<'_, T> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        self.objective.hessian_vector(v, out)?;
        self.objective.gauss_newton_vector(v, &mut self.product)?;
        out.iter_mut().zip(&self.product).for_each(|(out, product)| *out -= *product);
        Ok(())
    }

    fn shelf(&mut self) -> Option<&mut dyn Shelf<T>> {
        self.objective.shelf()
    }
}
