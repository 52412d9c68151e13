use crate::{Error, Objective, Real};

/// A mean over examples, some of which can be selected.
pub trait Sampled<T: Real>: Objective<T> {
    /// The number of examples, whatever is selected.
    fn examples(&self) -> usize;

    /// From now on the mean is over the examples at `indices`, in that order, or over all of them; it is no longer linearised.
    ///
    /// # Errors
    /// An index out of range.
    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Error>;
}
