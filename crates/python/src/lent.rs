//! An objective that is lent to training: the loop has it, and gives it back for as long as Python brings the next batch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use onedge_engine::DataObjective;
use onedge_objective::{Costs, Error, Part, Sampled};
use onedge_train::Workload;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::call::Caller;
use crate::objective::{Held, Objective};

/// What Python objects a run goes back to, and what they raised.
pub struct Callbacks {
    pub objective: Py<Objective>,
    /// Gets the number of a step, and brings its batch into the objective.
    pub batches: Option<Py<PyAny>>,
    /// Gets each record and the parameters after it; ends the run by `False`.
    pub on_step: Option<Py<PyAny>>,
    raised: Mutex<Option<PyErr>>,
}

impl Callbacks {
    pub fn new(objective: Py<Objective>, batches: Option<Py<PyAny>>, on_step: Option<Py<PyAny>>) -> Self {
        Self { objective, batches, on_step, raised: Mutex::new(None) }
    }

    /// Keeps what a callback raised. Returns whether that was Ctrl-C, and its text.
    pub fn keep(&self, py: Python<'_>, error: PyErr) -> (bool, String) {
        let told = (error.is_instance_of::<PyKeyboardInterrupt>(py), error.to_string());
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        told
    }

    pub fn take_raised(&self) -> Option<PyErr> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// See [the module](self).
pub struct Lent<T: Held> {
    /// Absent while Python has it.
    objective: Option<DataObjective<T>>,
    /// Where it goes in the end, however that comes.
    back: Arc<Mutex<Option<DataObjective<T>>>>,
    caller: Caller,
    callbacks: Arc<Callbacks>,
    interrupted: bool,
    samples: Option<Samples<T>>,
}

/// The same loss with a part for each example, from which diagnostics draw batches. Training itself never selects examples of an objective that has
/// them unless a tuner takes parts of the batch.
struct Samples<T> {
    objective: Option<DataObjective<T>>,
    back: Arc<Mutex<Option<DataObjective<T>>>>,
    /// Whether examples are selected, of which all that is asked is answered.
    selected: bool,
}

impl<T: Held> Lent<T> {
    pub fn new(
        objective: DataObjective<T>,
        back: Arc<Mutex<Option<DataObjective<T>>>>,
        caller: Caller,
        callbacks: Arc<Callbacks>,
    ) -> Self {
        Self { objective: Some(objective), back, caller, callbacks, interrupted: false, samples: None }
    }

    /// Has examples selected from `samples`, which go to `back` in the end.
    pub fn drawing_from(mut self, samples: DataObjective<T>, back: Arc<Mutex<Option<DataObjective<T>>>>) -> Self {
        self.samples = Some(Samples { objective: Some(samples), back, selected: false });
        self
    }

    fn with<R>(&mut self, work: impl FnOnce(&mut DataObjective<T>) -> Result<R, Error>) -> Result<R, Error> {
        let selected = self.samples.as_mut().filter(|samples| samples.selected);
        let objective = selected.map_or(self.objective.as_mut(), |samples| samples.objective.as_mut());
        let result = work(objective.ok_or_else(gone)?);
        self.interrupted |= matches!(result, Err(Error::Interrupted));
        result
    }
}

fn gone() -> Error {
    Error::Other("the objective was not given back".into())
}

impl<T: Held> Drop for Lent<T> {
    fn drop(&mut self) {
        *self.back.lock().unwrap_or_else(PoisonError::into_inner) = self.objective.take();
        if let Some(Samples { objective, back, .. }) = &mut self.samples {
            *back.lock().unwrap_or_else(PoisonError::into_inner) = objective.take();
        }
    }
}

impl<T: Held> onedge_objective::Objective<T> for Lent<T> {
    fn dim(&self) -> usize {
        self.objective.as_ref().map_or(0, |objective| objective.dim())
    }

    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Error> {
        self.with(|objective| objective.linearize(w, gradient))
    }

    fn curvature(&mut self, u: &[T]) -> Result<f64, Error> {
        self.with(|objective| objective.curvature(u))
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        self.with(|objective| objective.hessian_vector(v, out))
    }

    fn hessian_vectors(&mut self, vectors: &[Vec<T>], out: &mut [Vec<T>]) -> Result<(), Error> {
        self.with(|objective| objective.hessian_vectors(vectors, out))
    }

    fn products_at_once(&self) -> usize {
        self.objective.as_ref().map_or(1, |objective| objective.products_at_once())
    }

    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        self.with(|objective| objective.gauss_newton_vector(v, out))
    }

    fn set_part(&mut self, part: Option<Part>) -> Result<(), Error> {
        self.with(|objective| objective.set_part(part))
    }

    fn part_share(&self, parts: usize) -> f64 {
        self.objective.as_ref().map_or(1.0 / parts.max(1) as f64, |objective| objective.part_share(parts))
    }

    fn part_gradient(&mut self, gradient: &mut [T]) -> Result<(), Error> {
        self.with(|objective| objective.part_gradient(gradient))
    }

    fn part_curvature(&mut self, u: &[T]) -> Result<f64, Error> {
        self.with(|objective| objective.part_curvature(u))
    }

    fn loss(&mut self, w: &[T]) -> Result<f64, Error> {
        self.with(|objective| objective.loss(w))
    }

    fn costs(&self) -> Costs {
        self.objective.as_ref().map_or(Costs::NOMINAL, |objective| objective.costs())
    }
}

impl<T: Held> Sampled<T> for Lent<T> {
    fn examples(&self) -> usize {
        let objective = self.samples.as_ref().map_or(self.objective.as_ref(), |samples| samples.objective.as_ref());
        objective.map_or(0, Sampled::examples)
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Error> {
        if let Some(samples) = &mut self.samples {
            samples.selected = indices.is_some();
            if indices.is_none() {
                if let Some(objective) = &mut samples.objective {
                    Sampled::select(objective, None)?;
                }
                // As the library promises, it has to be linearised again.
                return self.with(|objective| Sampled::select(objective, None));
            }
        }
        self.with(|objective| Sampled::select(objective, indices))
    }
}

impl<T: Held> Workload<T> for Lent<T> {
    fn select_with(&mut self, indices: &[usize], change: &mut dyn FnMut(usize, &mut [T])) -> Result<(), Error> {
        self.with(|objective| Workload::select_with(objective, indices, change))
    }

    fn begin_step(&mut self, step: u64) -> Result<(), Error> {
        if self.callbacks.batches.is_none() {
            return Ok(());
        }
        let (objective, callbacks) = (self.objective.take().ok_or_else(gone)?, Arc::clone(&self.callbacks));
        let brought = self.caller.call(move |py| {
            let core = callbacks.objective.get();
            core.give_back(objective);
            let batches = callbacks.batches.as_ref();
            let result = batches.map_or(Ok(()), |batches| batches.call1(py, (step,)).map(drop));
            (core.take::<T>(), result.err().map(|error| callbacks.keep(py, error)))
        });
        let (objective, raised) = brought.ok_or_else(gone)?;
        self.objective = objective;
        match raised {
            None => Ok(()),
            Some((is_interrupt, told)) => {
                self.interrupted |= is_interrupt;
                Err(Error::Other(format!("the next batch: {told}").into()))
            }
        }
    }

    fn brings_batches(&self) -> bool {
        self.callbacks.batches.is_some()
    }

    fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// None where the batch of the moment is not all there is.
    fn metrics(&mut self, w: &[T]) -> Result<BTreeMap<String, f64>, Error> {
        if self.brings_batches() {
            return Ok(BTreeMap::new());
        }
        self.with(|objective| Workload::metrics(objective, w))
    }
}
