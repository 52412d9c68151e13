use onedge_objective::{Error as ObjectiveError, Real, Shelf, vector};

use crate::Error;

/// A symmetric linear map on R^n, known by its products alone.
pub trait LinearOperator<T: Real> {
    /// n
    fn dim(&self) -> usize;

    /// `out <- A v`
    ///
    /// # Errors
    /// A slice that is not of length n; whatever the operator reports.
    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error>;

    /// `A v` of several vectors, to the bits of one after the other.
    ///
    /// # Errors
    /// As for `apply`; another number of products than of vectors.
    fn apply_all(&mut self, vectors: &[Vec<T>], out: &mut [Vec<T>]) -> Result<(), Error> {
        ObjectiveError::require_length("products", vectors.len(), out.len())?;
        vectors.iter().zip(out).try_for_each(|(v, out)| self.apply(v, out))
    }

    /// Of how many vectors [`apply_all`](Self::apply_all) is best asked at once: 1, as here, where that saves nothing.
    fn at_once(&self) -> usize {
        1
    }

    /// Room for many vectors on other machines; none, as here, where all is computed on this one.
    fn shelf(&mut self) -> Option<&mut dyn Shelf<T>> {
        None
    }
}

/// A symmetric matrix in memory, for tests and small problems.
#[derive(Debug, Clone)]
pub struct Dense<T> {
    dim: usize,
    rows: Vec<T>,
}

impl<T: Real> Dense<T> {
    /// The matrix with the given elements, row after row.
    ///
    /// # Errors
    /// If there are not `dim * dim` elements, or `a_ij` differs from `a_ji`.
    pub fn new(dim: usize, rows: Vec<T>) -> Result<Self, Error> {
        ObjectiveError::require_length("matrix", dim * dim, rows.len())?;
        for row in 0..dim {
            for column in row + 1..dim {
                let (upper, lower) = (rows[row * dim + column], rows[column * dim + row]);
                if upper != lower {
                    return Err(Error::NotSymmetric { row, column, upper: upper.to_f64(), lower: lower.to_f64() });
                }
            }
        }
        Ok(Self { dim, rows })
    }

    /// The matrix with `diagonal` and zeros elsewhere.
    pub fn diagonal(diagonal: &[T]) -> Self {
        let dim = diagonal.len();
        let mut rows = vec![T::ZERO; dim * dim];
        for (i, &element) in diagonal.iter().enumerate() {
            rows[i * dim + i] = element;
        }
        Self { dim, rows }
    }
}

impl<T: Real> LinearOperator<T> for Dense<T> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        ObjectiveError::require_length("vector", self.dim, v.len())?;
        ObjectiveError::require_length("product", self.dim, out.len())?;
        for (row, out) in self.rows.chunks_exact(self.dim.max(1)).zip(out) {
            *out = T::from_f64(vector::dot(row, v));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// `R diag(eigenvalues) R` with the reflection `R = I - 2 x x' / x.x`: a full matrix with a known spectrum.
    /// Its eigenvectors are the columns of R.
    pub(crate) fn reflected(eigenvalues: &[f64]) -> (Dense<f64>, Vec<Vec<f64>>) {
        let n = eigenvalues.len();
        let x: Vec<f64> = (0..n).map(|i| 1.0 + (1.7 * i as f64).sin()).collect();
        let scale = 2.0 / vector::dot(&x, &x);
        let identity = |i: usize, j: usize| f64::from(u8::from(i == j));
        let columns: Vec<Vec<f64>> =
            (0..n).map(|j| (0..n).map(|i| identity(i, j) - scale * x[i] * x[j]).collect()).collect();
        let mut rows = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let sum: f64 = (0..n).map(|k| columns[k][i] * eigenvalues[k] * columns[k][j]).sum();
                (rows[i * n + j], rows[j * n + i]) = (sum, sum);
            }
        }
        (Dense::new(n, rows).unwrap(), columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies() {
        let mut a = Dense::new(2, vec![2.0, 1.0, 1.0, -3.0]).unwrap();
        let mut out = [0.0; 2];
        a.apply(&[1.0, 2.0], &mut out).unwrap();
        assert_eq!(out, [4.0, -5.0]);
        assert!(a.apply(&[1.0], &mut out).is_err());
    }

    #[test]
    fn refuses_what_is_not_symmetric() {
        let error = Dense::new(2, vec![2.0, 1.0, 0.5, -3.0]).unwrap_err();
        assert_eq!(error.to_string(), "matrix: expected equal elements at (0, 1) and (1, 0), got 1 and 0.5");
    }
}
