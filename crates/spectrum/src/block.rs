use std::ops::Range;

use onedge_objective::{Error as ObjectiveError, Real, Shelf};

use crate::{Error, LinearOperator};

/// A diagonal block of an operator: its rows and columns in `range`, as for the parameters of one layer.
///
/// Cost: one product of the whole operator a product.
pub struct Block<'a, T: Real> {
    inner: &'a mut dyn LinearOperator<T>,
    range: Range<usize>,
    vector: Vec<T>,
    product: Vec<T>,
}

impl<'a, T: Real> Block<'a, T> {
    /// The block of `inner` at `range`.
    ///
    /// # Errors
    /// A range beyond the dimension.
    pub fn new(inner: &'a mut dyn LinearOperator<T>, range: Range<usize>) -> Result<Self, Error> {
        let dim = inner.dim();
        let inside = range.start <= range.end && range.end <= dim;
        Error::require_option(inside, "block", format!("a range within 0 to {dim}"), format!("{range:?}"))?;
        Ok(Self { inner, range, vector: vec![T::ZERO; dim], product: vec![T::ZERO; dim] })
    }
}

impl<T: Real> LinearOperator<T> for Block<'_, T> {
    fn dim(&self) -> usize {
        self.range.len()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        ObjectiveError::require_length("vector", self.range.len(), v.len())?;
        ObjectiveError::require_length("product", self.range.len(), out.len())?;
        self.vector[self.range.clone()].copy_from_slice(v);
        self.inner.apply(&self.vector, &mut self.product)?;
        out.copy_from_slice(&self.product[self.range.clone()]);
        Ok(())
    }

    fn shelf(&mut self) -> Option<&mut dyn Shelf<T>> {
        self.inner.shelf()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dense;

    #[test]
    fn is_the_matrix_inside() {
        let mut a = Dense::new(3, vec![1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0]).unwrap();
        let mut out = [0.0; 2];
        let mut block = Block::new(&mut a, 1..3).unwrap();
        block.apply(&[1.0, -1.0], &mut out).unwrap();
        assert_eq!((block.dim(), out), (2, [-1.0, -1.0]));
        assert!(block.apply(&[1.0], &mut out).is_err());
        let message = Block::new(&mut a, 2..4).err().unwrap().to_string();
        assert_eq!(message, "spectrum.block: expected a range within 0 to 3, got 2..4");
    }
}
