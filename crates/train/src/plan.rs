use onedge_spectrum::Lanczos;

use crate::Error;
use crate::{Augment, Last, Look};

/// What a training loop does, apart from the problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How many steps to take.
    pub steps: u64,
    /// Examples per step; `None` for all.
    pub batch: Option<usize>,
    /// What becomes of the examples of an epoch that do not fill a batch.
    pub last: Last,
    /// Random changes to the images of mini-batches.
    pub augment: Option<Augment>,
    /// Of the order of mini-batches and of what is changed in them.
    pub seed: u64,
    /// Stop once the loss is this small.
    pub target_loss: Option<f64>,
    /// Stop once the loss is this many times the larger of the first and that of parameters which are all zero.
    pub diverge_factor: f64,
    /// Keep the records of every so many steps, and those that say more than others: see [`Recorder`](crate::Recorder).
    pub record_every: u64,
    /// What is measured along the way.
    pub diagnostics: Diagnostics,
}

impl Plan {
    /// Whether a batch can be filled from so many examples.
    ///
    /// # Errors
    /// [`Error::Batch`] if it has more than there are.
    pub fn check_batch(&self, examples: usize) -> Result<(), Error> {
        match self.batch {
            Some(batch) if batch > examples => Err(Error::Batch { batch, examples }),
            _ => Ok(()),
        }
    }
}

/// What is measured along a run beyond what the tuner asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostics {
    /// When the spectrum is measured.
    pub sharpness: Look,
    /// With a preconditioner, also the spectrum without it.
    pub hessian: bool,
    /// `u . H u` at every step.
    pub curvature: bool,
    /// How the spectrum is measured.
    pub lanczos: Lanczos,
    /// Measurements from one that shows that nothing larger is hidden to the next; in between the eigenvector is followed. 1: all of them do.
    pub refresh: u64,
}
