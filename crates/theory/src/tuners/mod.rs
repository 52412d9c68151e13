//! Rules for the next learning rate, one per file.

mod cdat;
mod classical;
mod constant;

use std::fmt::Debug;

pub use cdat::{Cdat, Lag};
pub use classical::Classical;
pub use constant::Constant;

use crate::State;

/// A rule for the learning rate of the next step.
pub trait Tuner: Debug {
    /// The rate of the step from `after`, where the model stands now; the step before led there from `before`.
    /// `after.eta` is still the old rate. NaN, or nothing positive, where the rule has no answer.
    fn rate(&self, before: &State, after: &State) -> f64;
}
