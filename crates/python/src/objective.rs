//! A loss with its derivatives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use numpy::{Element as NumpyElement, IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1};
use onedge_engine::{DataObjective, Element, Examples, Field, Options};
use onedge_graph::LossGraph;
use onedge_objective::{Objective as _, Real};
use onedge_spectrum::{Hessian, Lanczos, Preconditioned, Sampling, Wanted, density, hutchinson, lanczos};
use pyo3::prelude::*;

use crate::call::{detached, left_alone};
use crate::errors::{Kind, argument, error, of_objective, of_spectrum};
use crate::graph::Graph;

/// Work that took less than this the last time is not watched for Ctrl-C.
const SHORT: Duration = Duration::from_millis(20);

/// A loss, planned and ready to be differentiated, in one precision.
pub struct Planned<T> {
    /// Nothing once it was closed, nor while training has it.
    objective: Option<DataObjective<T>>,
    /// How long the last call took; nothing is known of the first.
    last: Option<Duration>,
}

/// A loss on a flat array of parameters, with its derivatives. Calls from several threads take turns.
#[pyclass(module = "onedge._core", frozen)]
pub struct Objective {
    inner: Precision,
    stop: Arc<AtomicBool>,
    dim: usize,
    has_outputs: bool,
    /// Whether training has it.
    lent: AtomicBool,
}

/// What is held, in either precision.
pub enum Precision {
    Single(Mutex<Planned<f32>>),
    Double(Mutex<Planned<f64>>),
}

/// Runs the same lines in the precision of the objective: `$planned` is its `Mutex`, `$t` its type.
macro_rules! in_precision {
    ($self:ident, $planned:ident, $t:ident, $work:expr) => {
        match &$self.inner {
            Precision::Single($planned) => {
                type $t = f32;
                $work
            }
            Precision::Double($planned) => {
                type $t = f64;
                $work
            }
        }
    };
}

#[pymethods]
impl Objective {
    /// A loss on a batch in `parts` of one size, the loss of each of which is `losses`, of one element; the objective is their mean. `arrays` are
    /// the values of `fields`, flat: of all parts for the first ones, for the last `shared` the same for every part.
    #[staticmethod]
    #[pyo3(signature = (graph, parameters, fields, losses, arrays, *, outputs=None, parts=1, shared=0, double=false, l2=0.0,
        threads=1, lanes=4, memory_bytes=2 << 30))]
    #[expect(clippy::too_many_arguments, reason = "named in Python")]
    fn plan(
        py: Python<'_>,
        graph: &Graph,
        parameters: Vec<usize>,
        fields: Vec<usize>,
        losses: usize,
        arrays: Vec<Bound<'_, PyAny>>,
        outputs: Option<usize>,
        parts: usize,
        shared: usize,
        double: bool,
        l2: f64,
        threads: usize,
        lanes: usize,
        memory_bytes: u64,
    ) -> PyResult<Self> {
        let loss = graph.loss(&parameters, &fields, losses, outputs)?;
        let options = Options { threads, lanes, memory_bytes, ..Options::for_this_machine() };
        let (inner, stop, dim) = if double {
            let (planned, stop, dim) = planned::<f64>(py, loss, parts, shared, &arrays, l2, options)?;
            (Precision::Double(planned), stop, dim)
        } else {
            let (planned, stop, dim) = planned::<f32>(py, loss, parts, shared, &arrays, l2, options)?;
            (Precision::Single(planned), stop, dim)
        };
        Ok(Self { inner, stop, dim, has_outputs: outputs.is_some(), lent: AtomicBool::new(false) })
    }

    /// Other values of the fields that are not shared, of as many parts unless another number is given.
    #[pyo3(signature = (arrays, parts=None))]
    fn replace(&self, py: Python<'_>, arrays: Vec<Bound<'_, PyAny>>, parts: Option<usize>) -> PyResult<()> {
        in_precision!(self, planned, T, {
            let arrays: Vec<Arc<Vec<T>>> = arrays.iter().map(kept::<T>).collect::<PyResult<_>>()?;
            let replaced = self.run(py, planned, move |objective| {
                let (before, shared) = (objective.examples().len(), objective.examples().shared().to_vec());
                objective.replace(in_parts(parts.unwrap_or(before), arrays)?.with_shared(shared))
            });
            replaced?.map_err(argument)
        })
    }

    /// Takes the plan and the batch of another objective of the same parameters and precision, which is closed.
    fn adopt(&self, py: Python<'_>, other: &Self) -> PyResult<()> {
        let moved = match (&self.inner, &other.inner) {
            (Precision::Single(to), Precision::Single(from)) => adopt(py, to, from, &self.stop),
            (Precision::Double(to), Precision::Double(from)) => adopt(py, to, from, &self.stop),
            _ => false,
        };
        if moved && self.dim == other.dim {
            Ok(())
        } else {
            Err(argument("adopt: expected an open objective of the same kind"))
        }
    }

    /// Frees the memory; all that is asked afterwards is refused.
    fn close(&self, py: Python<'_>) {
        py.detach(|| match &self.inner {
            Precision::Single(planned) => drop(lock(planned).objective.take()),
            Precision::Double(planned) => drop(lock(planned).objective.take()),
        });
    }

    /// Whether its memory was freed.
    #[getter]
    fn is_closed(&self, py: Python<'_>) -> bool {
        py.detach(|| match &self.inner {
            Precision::Single(planned) => lock(planned).objective.is_none(),
            Precision::Double(planned) => lock(planned).objective.is_none(),
        })
    }

    /// The number of parameters.
    #[getter]
    fn dim(&self) -> usize {
        self.dim
    }

    /// `"f32"` or `"f64"`.
    #[getter]
    fn dtype(&self) -> &'static str {
        in_precision!(self, _planned, T, T::NAME)
    }

    /// Bytes of memory beside the batch.
    fn memory_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        in_precision!(self, planned, T, self.run::<T, _>(py, planned, |objective| objective.memory_bytes()))
    }

    /// The loss at `w`. The point of `linearize` stays.
    fn loss(&self, py: Python<'_>, w: &Bound<'_, PyAny>) -> PyResult<f64> {
        in_precision!(self, planned, T, {
            let w = vector::<T>("w", w)?;
            let w = slice("w", &w)?;
            self.run(py, planned, |objective| objective.loss(w))?.map_err(|error| of_objective(&error))
        })
    }

    /// The loss and the gradient at `w`, which is the point of what is asked next.
    fn linearize<'py>(&self, py: Python<'py>, w: &Bound<'py, PyAny>) -> PyResult<(f64, Bound<'py, PyAny>)> {
        in_precision!(self, planned, T, {
            let w = vector::<T>("w", w)?;
            let w = slice("w", &w)?;
            let mut gradient = vec![T::ZERO; self.dim];
            let loss = self.run(py, planned, |objective| objective.linearize(w, &mut gradient))?;
            Ok((loss.map_err(|error| of_objective(&error))?, gradient.into_pyarray(py).into_any()))
        })
    }

    /// `u . H u` at the point.
    fn curvature(&self, py: Python<'_>, u: &Bound<'_, PyAny>) -> PyResult<f64> {
        in_precision!(self, planned, T, {
            let u = vector::<T>("u", u)?;
            let u = slice("u", &u)?;
            self.run(py, planned, |objective| objective.curvature(u))?.map_err(|error| of_objective(&error))
        })
    }

    /// `H v` at the point.
    fn hessian_vector<'py>(&self, py: Python<'py>, v: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        in_precision!(self, planned, T, {
            let v = vector::<T>("v", v)?;
            let v = slice("v", &v)?;
            let mut out = vec![T::ZERO; self.dim];
            self.run(py, planned, |objective| objective.hessian_vector(v, &mut out))?
                .map_err(|error| of_objective(&error))?;
            Ok(out.into_pyarray(py).into_any())
        })
    }

    /// `G v` with the Gauss-Newton matrix at the point.
    fn gauss_newton_vector<'py>(&self, py: Python<'py>, v: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.require_outputs()?;
        in_precision!(self, planned, T, {
            let v = vector::<T>("v", v)?;
            let v = slice("v", &v)?;
            let mut out = vec![T::ZERO; self.dim];
            self.run(py, planned, |objective| objective.gauss_newton_vector(v, &mut out))?
                .map_err(|error| of_objective(&error))?;
            Ok(out.into_pyarray(py).into_any())
        })
    }

    /// The `k` largest eigenvalues of H at the point, with a bound of the error of each, whether they are as good as asked for, and the products used.
    #[pyo3(signature = (k=1, *, tolerance=1e-3, max_products=200, seed=0, preconditioner=None))]
    fn top_eigenvalues(
        &self,
        py: Python<'_>,
        k: usize,
        tolerance: f64,
        max_products: usize,
        seed: u64,
        preconditioner: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<f64>, Vec<f64>, bool, usize)> {
        in_precision!(self, planned, T, {
            let options = Lanczos { wanted: Wanted::Algebraic, tolerance, max_products, ..Lanczos::top(k, seed) };
            let diagonal = match preconditioner {
                Some(given) => Some(slice("preconditioner", &vector::<T>("preconditioner", given)?)?.to_vec()),
                None => None,
            };
            let found = self.run_watched(py, planned, true, |objective| {
                let mut hessian = Hessian::new(objective);
                match &diagonal {
                    Some(diagonal) => lanczos::<T>(&mut Preconditioned::new(&mut hessian, diagonal)?, &options, None),
                    None => lanczos::<T>(&mut hessian, &options, None),
                }
            })?;
            let found = found.map_err(|error| of_spectrum(&error))?;
            let values = found.algebraic().map(|pair| pair.value).collect();
            let bounds = found.algebraic().map(|pair| pair.residual_bound).collect();
            Ok((values, bounds, found.converged(), found.products))
        })
    }

    /// The trace of H at the point, its standard error and the samples taken.
    #[pyo3(signature = (*, samples=32, relative_error=0.1, seed=0))]
    fn trace(&self, py: Python<'_>, samples: usize, relative_error: f64, seed: u64) -> PyResult<(f64, f64, usize)> {
        in_precision!(self, planned, T, {
            let sampling = Sampling { min_samples: samples.min(4), max_samples: samples, relative_error, seed };
            let found = self
                .run_watched(py, planned, true, |objective| hutchinson::<T>(&mut Hessian::new(objective), &sampling))?;
            let found = found.map_err(|error| of_spectrum(&error))?;
            Ok((found.value, found.standard_error, found.samples))
        })
    }

    /// The density of the eigenvalues of H at the point, as pairs of a value and its weight.
    #[pyo3(signature = (*, steps=64, vectors=4, seed=0))]
    fn density(&self, py: Python<'_>, steps: usize, vectors: usize, seed: u64) -> PyResult<Vec<(f64, f64)>> {
        in_precision!(self, planned, T, {
            let found = self.run_watched(py, planned, true, |objective| {
                density::<T>(&mut Hessian::new(objective), steps, vectors, seed, 1)
            })?;
            Ok(found.map_err(|error| of_spectrum(&error))?.density.nodes)
        })
    }
}

impl Objective {
    /// That Gauss-Newton products can be asked for.
    pub(crate) fn require_outputs(&self) -> PyResult<()> {
        let message = "the Gauss-Newton matrix: expected an objective that was told what the model's outputs are, got none; give \
                       `outputs` when it is made";
        if self.has_outputs { Ok(()) } else { Err(error(Kind::Unsupported, message)) }
    }

    /// Runs work of any length, without the interpreter's lock and watched for Ctrl-C.
    #[cfg(feature = "runs")]
    pub(crate) fn watched<T: Held, R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut DataObjective<T>) -> R + Send,
    ) -> PyResult<R> {
        let planned = T::planned(&self.inner).ok_or_else(|| argument("expected the precision of the objective"))?;
        self.run_watched(py, planned, true, work)
    }

    /// A flat array as long as the parameters, copied.
    #[cfg(feature = "runs")]
    pub(crate) fn copied<T: Held + NumpyElement>(&self, name: &str, given: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
        let array = vector::<T>(name, given)?;
        let values = slice(name, &array)?;
        if values.len() != self.dim {
            return Err(argument(format!("{name}: expected {} numbers, got {}", self.dim, values.len())));
        }
        Ok(values.to_vec())
    }

    /// Runs one pass over the batch without the interpreter's lock, one call at a time.
    fn run<T: Element, R: Send>(
        &self,
        py: Python<'_>,
        planned: &Mutex<Planned<T>>,
        work: impl FnOnce(&mut DataObjective<T>) -> R + Send,
    ) -> PyResult<R> {
        let last = py.detach(|| lock(planned).last);
        self.run_watched(py, planned, last.is_none_or(|last| last >= SHORT), work)
    }

    /// The same for work of any length, which is `watched` for Ctrl-C.
    fn run_watched<T: Element, R: Send>(
        &self,
        py: Python<'_>,
        planned: &Mutex<Planned<T>>,
        watched: bool,
        work: impl FnOnce(&mut DataObjective<T>) -> R + Send,
    ) -> PyResult<R> {
        let result = detached(py, &self.stop, !watched, || {
            let mut planned = lock(planned);
            let start = Instant::now();
            let result = planned.objective.as_mut().map(work);
            planned.last = Some(start.elapsed());
            result
        })?;
        result.ok_or_else(|| self.gone())
    }

    /// Why there is no objective.
    pub(crate) fn gone(&self) -> PyErr {
        let sentence = match self.lent.load(Ordering::Relaxed) {
            true => {
                "the objective is being trained; use it when training is over, or make another one for what is measured meanwhile"
            }
            false => "expected an objective that is open, got one that was closed; make another one",
        };
        error(Kind::State, sentence)
    }
}

/// Lending it to training.
#[cfg(feature = "runs")]
impl Objective {
    /// Takes the objective out; `None` if it is not there, or has another precision.
    pub(crate) fn take<T: Held>(&self) -> Option<DataObjective<T>> {
        let taken = lock(T::planned(&self.inner)?).objective.take();
        self.lent.fetch_or(taken.is_some(), Ordering::Relaxed);
        taken
    }

    /// Puts back what [`take`](Self::take) gave.
    pub(crate) fn give_back<T: Held>(&self, objective: DataObjective<T>) {
        if let Some(planned) = T::planned(&self.inner) {
            lock(planned).objective = Some(objective);
            self.lent.store(false, Ordering::Relaxed);
        }
    }

    /// Whether it computes in double precision.
    pub(crate) fn is_double(&self) -> bool {
        matches!(self.inner, Precision::Double(_))
    }

    /// Ends a pass that goes on, and all that follow, while it is set.
    pub(crate) fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

/// A precision that an objective may have.
#[cfg(feature = "runs")]
pub trait Held: Element {
    /// Its objective, if it is of this precision.
    fn planned(held: &Precision) -> Option<&Mutex<Planned<Self>>>;
}

#[cfg(feature = "runs")]
impl Held for f32 {
    fn planned(held: &Precision) -> Option<&Mutex<Planned<Self>>> {
        match held {
            Precision::Single(planned) => Some(planned),
            Precision::Double(_) => None,
        }
    }
}

#[cfg(feature = "runs")]
impl Held for f64 {
    fn planned(held: &Precision) -> Option<&Mutex<Planned<Self>>> {
        match held {
            Precision::Single(_) => None,
            Precision::Double(planned) => Some(planned),
        }
    }
}

/// What a panic left is whole: the objective is no longer linearised then.
fn lock<T>(planned: &Mutex<Planned<T>>) -> MutexGuard<'_, Planned<T>> {
    planned.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves an objective, whose work is ended by `stop` from now on. Whether there was one.
fn adopt<T: Element>(py: Python<'_>, to: &Mutex<Planned<T>>, from: &Mutex<Planned<T>>, stop: &Arc<AtomicBool>) -> bool {
    py.detach(|| {
        let Some(mut objective) = lock(from).objective.take() else { return false };
        objective.stop_by(Arc::clone(stop));
        *lock(to) = Planned { objective: Some(objective), last: None };
        true
    })
}

/// A flat array of the objective's precision.
fn vector<'py, T: NumpyElement + Real>(name: &str, given: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray1<'py, T>> {
    let array = given.cast::<PyArray1<T>>().map_err(|_| {
        let expected = if T::NAME == "f32" { "float32" } else { "float64" };
        let shape = given.getattr("shape").map_or_else(|_| "no array".to_owned(), |shape| format!("shape {shape}"));
        let got = given.getattr("dtype").map_or(shape.clone(), |dtype| format!("{dtype} of {shape}"));
        argument(format!("{name}: expected a flat array of {expected}, got {got}"))
    })?;
    array.try_readonly().map_err(|_| argument(format!("{name}: expected an array that nothing writes to now")))
}

/// Its elements, which must lie one after the other.
fn slice<'a, T: NumpyElement>(name: &str, array: &'a PyReadonlyArray1<'_, T>) -> PyResult<&'a [T]> {
    let contiguous = array.as_slice();
    contiguous
        .map_err(|_| argument(format!("{name}: expected elements one after the other; try numpy.ascontiguousarray")))
}

/// A copy that is kept.
fn kept<T: NumpyElement + Real>(given: &Bound<'_, PyAny>) -> PyResult<Arc<Vec<T>>> {
    let array = vector::<T>("an array of the batch", given)?;
    Ok(Arc::new(slice("an array of the batch", &array)?.to_vec()))
}

/// A loss planned on the values of its fields, of which the last ones are `shared` by all parts.
fn planned<T: Element + NumpyElement>(
    py: Python<'_>,
    loss: LossGraph,
    parts: usize,
    shared: usize,
    arrays: &[Bound<'_, PyAny>],
    l2: f64,
    options: Options,
) -> PyResult<(Mutex<Planned<T>>, Arc<AtomicBool>, usize)> {
    let mut own: Vec<Arc<Vec<T>>> = arrays.iter().map(kept::<T>).collect::<PyResult<_>>()?;
    let shared = own.split_off(own.len().saturating_sub(shared));
    let made =
        left_alone(py, move || DataObjective::parts(loss, in_parts(parts, own)?.with_shared(shared), l2, options))?;
    let objective = made.map_err(argument)?;
    let (stop, dim) = (objective.stop_flag(), objective.dim());
    Ok((Mutex::new(Planned { objective: Some(objective), last: None }), stop, dim))
}

/// A batch in parts of one size.
fn in_parts<T: Element>(parts: usize, arrays: Vec<Arc<Vec<T>>>) -> Result<Examples<T>, onedge_engine::Error> {
    let field = |values: Arc<Vec<T>>| Field { width: values.len() / parts.max(1), values };
    Examples::new(parts, arrays.into_iter().map(field).collect())
}
