use onedge_objective::{Error as ObjectiveError, Real, Shelf};

use crate::{Error, LinearOperator};

/// `D^-1/2 A D^-1/2` for a positive diagonal D: what governs the stability of a method that steps along `-D^-1 g`.
///
/// It has the eigenvalues of `D^-1 A`; an eigenvector v of this operator is `D^1/2` times one of `D^-1 A`.
pub struct Preconditioned<'a, T: Real> {
    inner: &'a mut dyn LinearOperator<T>,
    inverse_root: Vec<T>,
    scaled: Vec<T>,
}

impl<'a, T: Real> Preconditioned<'a, T> {
    /// `inner` between `diagonal^-1/2`.
    ///
    /// # Errors
    /// If `diagonal` has the wrong length or an element that is not positive and finite.
    pub fn new(inner: &'a mut dyn LinearOperator<T>, diagonal: &[T]) -> Result<Self, Error> {
        ObjectiveError::require_length("preconditioner", inner.dim(), diagonal.len())?;
        let bad = diagonal.iter().position(|d| !(*d > T::ZERO && d.is_finite()));
        if let Some(index) = bad {
            return Err(Error::Preconditioner { index, value: diagonal[index].to_f64() });
        }
        let inverse_root: Vec<T> = diagonal.iter().map(|&d| T::ONE / d.sqrt()).collect();
        let scaled = vec![T::ZERO; diagonal.len()];
        Ok(Self { inner, inverse_root, scaled })
    }

    /// `D^-1/2 v`: a gradient v in the coordinates `D^1/2 w`, in which D is the identity.
    ///
    /// # Errors
    /// A vector of another length.
    pub fn scale(&self, v: &[T]) -> Result<Vec<T>, Error> {
        ObjectiveError::require_length("vector", self.inverse_root.len(), v.len())?;
        Ok(v.iter().zip(&self.inverse_root).map(|(&v, &root)| v * root).collect())
    }
}

impl<T: Real> LinearOperator<T> for Preconditioned<'_, T> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        ObjectiveError::require_length("vector", self.scaled.len(), v.len())?;
        for ((scaled, &v), &root) in self.scaled.iter_mut().zip(v).zip(&self.inverse_root) {
            *scaled = v * root;
        }
        self.inner.apply(&self.scaled, out)?;
        for (out, &root) in out.iter_mut().zip(&self.inverse_root) {
            *out *= root;
        }
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
    fn scales_rows_and_columns() {
        let mut a = Dense::new(2, vec![8.0, 6.0, 6.0, 27.0]).unwrap();
        let mut scaled = Preconditioned::new(&mut a, &[4.0, 9.0]).unwrap();
        let mut out = [0.0; 2];
        // D^-1/2 A D^-1/2 = [[2, 1], [1, 3]]
        scaled.apply(&[1.0, -1.0], &mut out).unwrap();
        assert!((out[0] - 1.0_f64).abs() < 1e-15 && (out[1] + 2.0).abs() < 1e-15);
        assert_eq!(scaled.scale(&[4.0, -6.0]).unwrap(), [2.0, -2.0]);
        assert!(scaled.scale(&[4.0]).is_err());
    }

    #[test]
    fn refuses_what_is_not_positive() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut a = Dense::diagonal(&[1.0, 1.0]);
            assert!(matches!(Preconditioned::new(&mut a, &[1.0, bad]), Err(Error::Preconditioner { index: 1, .. })));
        }
    }
}
