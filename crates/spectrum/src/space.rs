use onedge_objective::{Error as ObjectiveError, Real, Shelf, Slot, vector};

use crate::forms::{Form, Sketches};
use crate::pieces::{self, Team};
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
    /// A vector that is stored, one of many, where there is most room for it.
    type Stored;
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

    /// `A v` of several vectors.
    ///
    /// # Errors
    /// As above.
    fn apply_all(&mut self, vectors: &[Self::Vector]) -> Result<Vec<Self::Vector>, Error> {
        vectors.iter().map(|v| self.apply(v)).collect()
    }

    /// Of how many vectors [`apply_all`](Self::apply_all) is best asked at once: 1, as here, where that saves nothing.
    fn at_once(&self) -> usize {
        1
    }

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

    /// Stores a vector.
    ///
    /// # Errors
    /// As above.
    fn store(&mut self, v: Self::Vector) -> Result<Self::Stored, Error>;

    /// A stored vector, which is stored no longer.
    ///
    /// # Errors
    /// As above.
    fn take(&mut self, stored: Self::Stored) -> Result<Self::Vector, Error>;

    /// A copy of a stored vector.
    ///
    /// # Errors
    /// As above.
    fn copy_stored(&mut self, stored: &Self::Stored) -> Result<Self::Vector, Error>;

    /// [`combine`](Self::combine) of stored vectors.
    ///
    /// # Errors
    /// As above.
    fn combine_stored(&mut self, coefficients: &[f64], stored: &[&Self::Stored]) -> Result<Self::Vector, Error>;

    /// [`dots`](Self::dots) with stored vectors.
    ///
    /// # Errors
    /// As above.
    fn dots_stored(&mut self, stored: &[&Self::Stored], v: &Self::Vector) -> Result<Vec<f64>, Error>;

    /// [`orthogonalize`](Self::orthogonalize) by stored vectors.
    ///
    /// # Errors
    /// As above.
    fn orthogonalize_stored(&mut self, basis: &[&Self::Stored], v: &mut Self::Vector)
    -> Result<(Vec<f64>, f64), Error>;

    /// Replaces stored vectors by combinations of them: vector i becomes `sum_j columns[i][j] vectors[j]`.
    ///
    /// # Errors
    /// As above.
    fn rotate(&mut self, stored: &mut Vec<Self::Stored>, columns: &[Vec<f64>]) -> Result<(), Error>;

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

/// A vector that is stored in memory, or on the shelf of an operator that has one.
#[derive(Debug)]
pub(crate) enum Stored<T> {
    Here(Vec<T>),
    Away(Slot),
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

    fn shelf(&mut self) -> Result<&mut dyn Shelf<T>, Error> {
        let missing = || ObjectiveError::Other("a vector was stored on a shelf that is gone".into());
        Ok(self.operator.shelf().ok_or_else(missing)?)
    }
}

/// Stored vectors that are named together: all in memory, or all on a shelf.
enum Together<'a, T> {
    Here(Vec<&'a [T]>),
    Away(Vec<&'a Slot>),
}

impl<'a, T> Together<'a, T> {
    fn of(stored: &[&'a Stored<T>]) -> Self {
        let (mut here, mut away) = (Vec::new(), Vec::new());
        for stored in stored {
            match stored {
                Stored::Here(vector) => here.push(vector.as_slice()),
                Stored::Away(slot) => away.push(slot),
            }
        }
        if away.is_empty() { Self::Here(here) } else { Self::Away(away) }
    }
}

fn slices<'a, T>(vectors: &[&'a Vec<T>]) -> Vec<&'a [T]> {
    vectors.iter().map(|v| v.as_slice()).collect()
}

impl<T: Real> Space for Host<'_, T> {
    type Vector = Vec<T>;
    type Stored = Stored<T>;
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

    fn apply_all(&mut self, vectors: &[Vec<T>]) -> Result<Vec<Vec<T>>, Error> {
        let mut out = vec![vec![T::ZERO; self.dim()]; vectors.len()];
        self.operator.apply_all(vectors, &mut out)?;
        Ok(out)
    }

    fn at_once(&self) -> usize {
        self.operator.at_once()
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
        Ok(pieces::combine(coefficients, &slices(vectors)))
    }

    fn dots(&mut self, a: &[&Vec<T>], v: &Vec<T>) -> Result<Vec<f64>, Error> {
        Ok(a.iter().map(|a| vector::dot(a, v)).collect())
    }

    fn orthogonalize(&mut self, basis: &[&Vec<T>], v: &mut Vec<T>) -> Result<(Vec<f64>, f64), Error> {
        Ok(pieces::orthogonalize(&self.team, &slices(basis), v))
    }

    fn store(&mut self, v: Vec<T>) -> Result<Stored<T>, Error> {
        match self.operator.shelf() {
            Some(shelf) => Ok(Stored::Away(shelf.put(&v)?)),
            None => Ok(Stored::Here(v)),
        }
    }

    fn take(&mut self, stored: Stored<T>) -> Result<Vec<T>, Error> {
        match stored {
            Stored::Here(v) => Ok(v),
            Stored::Away(slot) => Ok(self.shelf()?.get(&slot)?),
        }
    }

    fn copy_stored(&mut self, stored: &Stored<T>) -> Result<Vec<T>, Error> {
        match stored {
            Stored::Here(v) => Ok(v.clone()),
            Stored::Away(slot) => Ok(self.shelf()?.get(slot)?),
        }
    }

    fn combine_stored(&mut self, coefficients: &[f64], stored: &[&Stored<T>]) -> Result<Vec<T>, Error> {
        match Together::of(stored) {
            Together::Here(vectors) => Ok(pieces::combine(coefficients, &vectors)),
            Together::Away(slots) => Ok(self.shelf()?.combine(coefficients, &slots)?),
        }
    }

    fn dots_stored(&mut self, stored: &[&Stored<T>], v: &Vec<T>) -> Result<Vec<f64>, Error> {
        match Together::of(stored) {
            Together::Here(vectors) => Ok(pieces::total(vectors.len(), &pieces::dots(&self.team, &vectors, v))),
            Together::Away(slots) => Ok(self.shelf()?.dots(&slots, v)?),
        }
    }

    fn orthogonalize_stored(&mut self, basis: &[&Stored<T>], v: &mut Vec<T>) -> Result<(Vec<f64>, f64), Error> {
        match Together::of(basis) {
            Together::Here(vectors) => Ok(pieces::orthogonalize(&self.team, &vectors, v)),
            Together::Away(slots) => Ok(self.shelf()?.orthogonalize(&slots, v)?),
        }
    }

    fn rotate(&mut self, stored: &mut Vec<Stored<T>>, columns: &[Vec<f64>]) -> Result<(), Error> {
        let (mut here, mut away) = (Vec::new(), Vec::new());
        for stored in stored.drain(..) {
            match stored {
                Stored::Here(vector) => here.push(vector),
                Stored::Away(slot) => away.push(slot),
            }
        }
        if away.is_empty() {
            pieces::rotate(&self.team, &mut here, columns);
        } else {
            self.shelf()?.rotate(&mut away, columns)?;
        }
        stored.extend(here.into_iter().map(Stored::Here).chain(away.into_iter().map(Stored::Away)));
        Ok(())
    }

    fn sums(&mut self) -> Result<Sketches, Error> {
        Ok(Sketches::new(self.dim()))
    }

    fn gather(&mut self, sums: &mut Sketches, form: Form, z: &Vec<T>, y: &Vec<T>) -> Result<Gathered, Error> {
        Ok(sums.gather(form, z, y))
    }
}
