use onedge_objective::{Real, vector};

use crate::basis::{self, Team};
use crate::forms::{Form, Sketches};
use crate::rounding::epsilon;
use crate::seeded;
use crate::{Error, LinearOperator};

/// Vectors that lie somewhere, a symmetric operator on them, and the few things that are done with both: nothing but numbers comes out.
///
/// The methods of this crate decide by these numbers alone. So the same method, with the same rules for when it ends, works on slices in memory and
/// on tensors of a device.
pub trait Space {
    /// A vector.
    type Vector;
    /// What [`gather`](Self::gather) keeps from sample to sample.
    type Sums;

    /// How many elements a vector has.
    fn dim(&self) -> usize;

    /// The distance from 1 to the next number in the precision of the vectors.
    fn epsilon(&self) -> f64;

    /// `A v`
    ///
    /// # Errors
    /// Whatever the operator reports; so it is with all that follows.
    fn apply(&mut self, v: &Self::Vector) -> Result<Self::Vector, Error>;

    /// A random unit vector with independent elements, the same for the same seed.
    ///
    /// # Errors
    /// As above.
    fn random(&mut self, seed: u64) -> Result<Self::Vector, Error>;

    /// Independent random signs, 1 or -1, the same for the same seed.
    ///
    /// # Errors
    /// As above.
    fn signs(&mut self, seed: u64) -> Result<Self::Vector, Error>;

    /// Another vector of the same elements.
    ///
    /// # Errors
    /// As above.
    fn copy(&mut self, v: &Self::Vector) -> Result<Self::Vector, Error>;

    /// `v <- alpha v`
    ///
    /// # Errors
    /// As above.
    fn scale(&mut self, alpha: f64, v: &mut Self::Vector) -> Result<(), Error>;

    /// `sum_i coefficients[i] vectors[i]`, of one vector or more.
    ///
    /// # Errors
    /// As above.
    fn combine(&mut self, coefficients: &[f64], vectors: &[&Self::Vector]) -> Result<Self::Vector, Error>;

    /// `a_i . v` for each a_i.
    ///
    /// # Errors
    /// As above.
    fn dots(&mut self, a: &[&Self::Vector], v: &Self::Vector) -> Result<Vec<f64>, Error>;

    /// `|v|`
    ///
    /// # Errors
    /// As above.
    fn norm(&mut self, v: &Self::Vector) -> Result<f64, Error> {
        Ok(self.dots(&[v], v)?[0].sqrt())
    }

    /// Makes `v` orthogonal to the orthonormal `basis` by classical Gram-Schmidt done twice. The coefficients `q_i . v`, of both passes together, and
    /// the norm of what is left.
    ///
    /// # Errors
    /// As above.
    fn orthogonalize(&mut self, basis: &[&Self::Vector], v: &mut Self::Vector) -> Result<(Vec<f64>, f64), Error>;

    /// Replaces the vectors by combinations of them: vector i becomes `sum_j columns[i][j] vectors[j]`.
    ///
    /// # Errors
    /// As above.
    fn rotate(&mut self, vectors: &mut Vec<Self::Vector>, columns: &[Vec<f64>]) -> Result<(), Error>;

    /// Nothing gathered yet.
    ///
    /// # Errors
    /// As above.
    fn sums(&mut self) -> Result<Self::Sums, Error>;

    /// Takes the product `y = A z` with signs z into `sums`.
    ///
    /// # Errors
    /// As above.
    fn gather(
        &mut self,
        sums: &mut Self::Sums,
        form: Form,
        z: &Self::Vector,
        y: &Self::Vector,
    ) -> Result<Gathered, Error>;
}

/// What a product `y = A z` with signs z says. Its elements are `d_k = z_k y_k` of a [`Form::Trace`], `y_k y_k` of [`Form::Squares`].
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered {
    /// `z . y`
    pub form: f64,
    /// `y . y`
    pub square: f64,
    /// `d . d`, summed over all products so far.
    pub elements: f64,
    /// `s . s` with the sum s of the elements d of all products so far.
    pub diagonal: f64,
    /// `y_i . y` for each product y_i before, or of sketches of both, which keep it up to about `|y_i| |y| / 64`.
    pub overlaps: Vec<f64>,
}

/// Slices in memory, and a [`LinearOperator`] on them.
pub(crate) struct Host<'a, T: Real> {
    operator: &'a mut dyn LinearOperator<T>,
    team: Team,
}

impl<'a, T: Real> Host<'a, T> {
    pub(crate) fn new(operator: &'a mut dyn LinearOperator<T>, threads: usize) -> Result<Self, Error> {
        let team = Team::new(threads, operator.dim())?;
        Ok(Self { operator, team })
    }
}

impl<T: Real> Space for Host<'_, T> {
    type Vector = Vec<T>;
    type Sums = Sketches;

    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn epsilon(&self) -> f64 {
        epsilon::<T>()
    }

    fn apply(&mut self, v: &Vec<T>) -> Result<Vec<T>, Error> {
        let mut out = vec![T::ZERO; v.len()];
        self.operator.apply(v, &mut out)?;
        Ok(out)
    }

    fn random(&mut self, seed: u64) -> Result<Vec<T>, Error> {
        Ok(seeded::unit_vector(seed, self.dim()))
    }

    fn signs(&mut self, seed: u64) -> Result<Vec<T>, Error> {
        Ok(seeded::signs(seed, self.dim()))
    }

    fn copy(&mut self, v: &Vec<T>) -> Result<Vec<T>, Error> {
        Ok(v.clone())
    }

    fn scale(&mut self, alpha: f64, v: &mut Vec<T>) -> Result<(), Error> {
        vector::scale(alpha, v);
        Ok(())
    }

    fn combine(&mut self, coefficients: &[f64], vectors: &[&Vec<T>]) -> Result<Vec<T>, Error> {
        let mut sum = vec![T::ZERO; vectors[0].len()];
        coefficients.iter().zip(vectors).for_each(|(coefficient, v)| vector::axpy(*coefficient, v, &mut sum));
        Ok(sum)
    }

    fn dots(&mut self, a: &[&Vec<T>], v: &Vec<T>) -> Result<Vec<f64>, Error> {
        Ok(a.iter().map(|a| vector::dot(a, v)).collect())
    }

    fn orthogonalize(&mut self, basis: &[&Vec<T>], v: &mut Vec<T>) -> Result<(Vec<f64>, f64), Error> {
        Ok(basis::orthogonalize(&self.team, basis, v))
    }

    fn rotate(&mut self, vectors: &mut Vec<Vec<T>>, columns: &[Vec<f64>]) -> Result<(), Error> {
        basis::rotate(&self.team, vectors, columns);
        Ok(())
    }

    fn sums(&mut self) -> Result<Sketches, Error> {
        Ok(Sketches::new(self.dim()))
    }

    fn gather(&mut self, sums: &mut Sketches, form: Form, z: &Vec<T>, y: &Vec<T>) -> Result<Gathered, Error> {
        Ok(sums.gather(form, z, y))
    }
}
