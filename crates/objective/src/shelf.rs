use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, Real};

/// Room for many vectors, in pieces on several machines: what works on a basis, as Lanczos's method does, then need not have all of it in
/// one place.
///
/// An objective that is computed on several machines offers it by [`Objective::shelf`](crate::Objective::shelf). Sums are those of `onedge_spectrum::pieces`, to the bit.
/// Vectors that are named together must have one length; slots must come from the same shelf.
pub trait Shelf<T: Real> {
    /// Puts a vector away. Cost: each machine gets its piece of it.
    ///
    /// # Errors
    /// What goes wrong between the machines; so it is with all that follows.
    fn put(&mut self, v: &[T]) -> Result<Slot, Error>;

    /// The vector of a slot, as it was put there. Cost: each machine sends its piece.
    ///
    /// # Errors
    /// As above.
    fn get(&mut self, slot: &Slot) -> Result<Vec<T>, Error>;

    /// `a_i . v` for the vector a_i of each slot, summed in f64. Cost: each machine gets its piece of `v`; numbers come back.
    ///
    /// # Errors
    /// As above.
    fn dots(&mut self, slots: &[&Slot], v: &[T]) -> Result<Vec<f64>, Error>;

    /// `sum_i coefficients[i] a_i` for the vector a_i of each slot, of one or more. Cost: each machine sends a piece.
    ///
    /// # Errors
    /// As above.
    fn combine(&mut self, coefficients: &[f64], slots: &[&Slot]) -> Result<Vec<T>, Error>;

    /// Makes `v` orthogonal to the orthonormal vectors of all slots, by classical Gram-Schmidt done twice: the coefficients, of both passes together, and
    /// the norm of what is left. Cost: each machine gets its piece of `v` and sends it back; numbers to and fro three times.
    ///
    /// # Errors
    /// As above.
    fn orthogonalize(&mut self, slots: &[&Slot], v: &mut [T]) -> Result<(Vec<f64>, f64), Error>;

    /// Replaces the vectors by combinations of them: vector i becomes `sum_j columns[i][j] a_j`, and there are as many as columns. Cost: numbers.
    ///
    /// # Errors
    /// As above.
    fn rotate(&mut self, slots: &mut Vec<Slot>, columns: &[Vec<f64>]) -> Result<(), Error>;
}

/// The place of a vector on a [`Shelf`]; free once this is dropped.
pub struct Slot {
    number: u64,
    len: usize,
    free: Arc<Mutex<Vec<u64>>>,
}

impl Slot {
    /// The place `number` of a vector of `len` elements; `free` gets the number when this is dropped.
    pub fn new(number: u64, len: usize, free: &Arc<Mutex<Vec<u64>>>) -> Self {
        Self { number, len, free: Arc::clone(free) }
    }

    /// Which place it is.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many elements the vector has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the vector has no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("number", &self.number).field("len", &self.len).finish_non_exhaustive()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_dropped_is_free() {
        let free = Arc::default();
        let (first, second) = (Slot::new(3, 10, &free), Slot::new(4, 10, &free));
        drop(second);
        assert_eq!((&*free.lock().unwrap(), first.number(), first.len(), first.is_empty()), (&vec![4], 3, 10, false));
        assert_eq!(format!("{first:?}"), "Slot { number: 3, len: 10, .. }");
    }
}
