//! Training of an objective, in memory or in the folder of a run.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use numpy::{Element as NumpyElement, IntoPyArray, PyReadonlyArray1};
use onedge_engine::DataObjective;
use onedge_registry::Value;
use onedge_run::{Earlier, Given};
use onedge_spec::Spec;
use onedge_text::hex;
use onedge_train::{Layout, Record, StopReason, Trained, Workload};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use sha2::{Digest, Sha256};

use crate::call::{Caller, attended, of_panic};
use crate::errors::{argument, of_run};
use crate::lent::{Callbacks, Lent};
use crate::objective::{Held, Objective};
use crate::values;

/// A step may go on for so long after Ctrl-C; then it is broken off.
const PATIENCE: Duration = Duration::from_millis(40);

/// The last step that was taken, its loss and its rate.
type Reached = Mutex<Option<(u64, f64, f64)>>;

/// Trains `objective` from `start` by a spec, and tells how it went.
///
/// `layouts` are names and shapes of the tensors of the parameters, `described` what is to be said of the data. `batches` brings the batch of the
/// step that it gets into the objective, `samples` is the same loss with a part for each example, for diagnostics that draw batches, `on_step` gets every record and the parameters after it, `tick` now and then the last step, its loss and its
/// rate.
#[pyfunction]
#[pyo3(signature = (objective, start, spec, layouts, described, *, test=None, samples=None, folder=None, resume=false, batches=None,
    on_step=None, tick=None))]
#[expect(clippy::too_many_arguments, reason = "named in Python")]
pub fn train<'py>(
    py: Python<'py>,
    objective: &Bound<'py, Objective>,
    start: &Bound<'py, PyAny>,
    spec: &Bound<'py, PyDict>,
    layouts: Vec<(String, Vec<usize>)>,
    described: Vec<(String, String)>,
    test: Option<&Bound<'py, Objective>>,
    samples: Option<&Bound<'py, Objective>>,
    folder: Option<PathBuf>,
    resume: bool,
    batches: Option<Py<PyAny>>,
    on_step: Option<Py<PyAny>>,
    tick: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let document = values::document("train", spec)?;
    let spec = Spec::resolve(&document).map_err(|error| argument(error.to_string()))?;
    for (section, foresight) in spec.foresights() {
        let (key, problem) = (foresight.key(), foresight.problem());
        warn(py, &format!("{section}.{key}: {problem}; {}", foresight.remedy(section)))?;
    }
    let call = Call {
        spec,
        layouts: layouts.into_iter().map(|(name, shape)| Layout { name, shape }).collect(),
        described: described.into_iter().map(|(key, text)| (key, Value::Text(text))).collect(),
        folder,
        earlier: if resume { Earlier::GoesOn } else { Earlier::Refused },
        tick,
    };
    let callbacks = Arc::new(Callbacks::new(objective.clone().unbind(), batches, on_step));
    match objective.get().is_double() {
        true => call.run::<f64>(py, objective.get(), start.extract()?, (test, samples), callbacks),
        false => call.run::<f32>(py, objective.get(), start.extract()?, (test, samples), callbacks),
    }
}

/// A `onedge.TrainingWarning`.
fn warn(py: Python<'_>, sentence: &str) -> PyResult<()> {
    let class = py.import("onedge._errors")?.getattr("TrainingWarning")?;
    PyErr::warn(py, &class, &std::ffi::CString::new(sentence).unwrap_or_default(), 2)
}

struct Call {
    spec: Spec,
    layouts: Vec<Layout>,
    described: Vec<(String, Value)>,
    folder: Option<PathBuf>,
    earlier: Earlier,
    tick: Option<Py<PyAny>>,
}

impl Call {
    fn run<'py, T: Held + NumpyElement>(
        self,
        py: Python<'py>,
        core: &Objective,
        start: PyReadonlyArray1<'py, T>,
        (test, samples): (Option<&Bound<'py, Objective>>, Option<&Bound<'py, Objective>>),
        callbacks: Arc<Callbacks>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let start = start.as_slice().map_err(|_| argument("params: expected elements one after the other"))?.to_vec();
        let taken = core.take::<T>().ok_or_else(|| core.gone())?;
        let test_core = test.map(|test| test.get());
        let tested = match test_core.map(|core| core.take::<T>()) {
            Some(None) => {
                core.give_back(taken);
                return Err(argument(
                    "test: expected an objective of the precision of the trained one, that is not being trained",
                ));
            }
            tested => tested.flatten(),
        };
        let samples_core = samples.map(|samples| samples.get());
        let samples = match samples_core.map(|core| core.take::<T>().ok_or_else(|| core.gone())).transpose() {
            Ok(samples) => samples,
            Err(error) => {
                core.give_back(taken);
                if let (Some(test), Some(tested)) = (test_core, tested) {
                    test.give_back(tested);
                }
                return Err(error);
            }
        };
        let content = self.folder.as_ref().filter(|_| callbacks.batches.is_none()).map(|_| digest(&taken));
        let [back, test_back, samples_back] = std::array::from_fn(|_| Arc::new(Mutex::new(None)));
        let (asked, reached) = (AtomicBool::new(false), Reached::default());
        let interrupt = |since: Duration| {
            asked.store(true, Ordering::Relaxed);
            if since >= PATIENCE {
                [Some(core), test_core, samples_core]
                    .into_iter()
                    .flatten()
                    .for_each(|core| core.stop().store(true, Ordering::Relaxed));
            }
        };
        let mut tick = |py: Python<'_>, is_last: bool| {
            let Some(tick) = &self.tick else { return Ok(()) };
            let at = *reached.lock().unwrap_or_else(PoisonError::into_inner);
            at.map_or(Ok(()), |(step, loss, rate)| tick.call1(py, (step, loss, rate, is_last)).map(drop))
        };
        let work = |caller: &Caller| {
            let lent = Lent::new(taken, Arc::clone(&back), caller.clone(), Arc::clone(&callbacks));
            let lent: Box<dyn Workload<T>> = match samples {
                None => Box::new(lent),
                Some(samples) => Box::new(lent.drawing_from(samples, Arc::clone(&samples_back))),
            };
            let test = tested.map(|objective| {
                let alone =
                    Arc::new(Callbacks::new(Python::attach(|py| callbacks.objective.clone_ref(py)), None, None));
                Box::new(Lent::new(objective, Arc::clone(&test_back), caller.clone(), alone)) as Box<dyn Workload<T>>
            });
            let given = Given {
                spec: &self.spec,
                layouts: self.layouts,
                train: lent,
                test,
                start,
                described: self.described,
                content,
            };
            let mut watch = |record: &Record, w: &[T]| {
                let at = (record.step + 1, record.loss, record.learning_rate);
                *reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
                tell(caller, &callbacks, record, w, &asked)
            };
            let run = || match &self.folder {
                None => given.train(&mut watch, &asked),
                Some(folder) => given.train_in(folder, self.earlier, &mut watch, &asked),
            };
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        };
        let ended = py.detach(|| attended(&mut tick, &interrupt, work));
        for (core, back) in [(Some(core), &back), (test_core, &test_back), (samples_core, &samples_back)] {
            if let (Some(core), Some(objective)) = (core, back.lock().unwrap_or_else(PoisonError::into_inner).take()) {
                core.stop().store(false, Ordering::Relaxed);
                core.give_back(objective);
            }
        }
        let (result, raised) = ended?;
        if let Some(raised) = raised.or_else(|| callbacks.take_raised()) {
            return Err(raised);
        }
        let trained = result.map_err(|panic| of_panic(&*panic))?.map_err(|error| of_run(&error))?;
        told(py, trained)
    }
}

/// Tells Python of a step. What it raises ends the run, and so does `False`.
fn tell<T: Held + NumpyElement>(
    caller: &Caller,
    callbacks: &Arc<Callbacks>,
    record: &Record,
    w: &[T],
    asked: &AtomicBool,
) -> Option<StopReason> {
    callbacks.on_step.as_ref()?;
    let (shown, w, known) = (record.clone(), w.to_vec(), Arc::clone(callbacks));
    let answer = caller.call(move |py| {
        let record = values::record(py, &shown);
        let on_step = known.on_step.as_ref();
        let answer = record.and_then(|record| on_step.map(|f| f.call1(py, (record, w.into_pyarray(py)))).transpose());
        match answer {
            Ok(answer) => Ok(answer.is_none_or(|answer| !answer.bind(py).is(pyo3::types::PyBool::new(py, false)))),
            Err(error) => Err(known.keep(py, error)),
        }
    })?;
    match answer {
        Ok(true) => None,
        Err((false, told)) => Some(StopReason::Failed { step: record.step + 1, error: format!("on_step: {told}") }),
        // Ended between two steps, with a checkpoint.
        Ok(false) | Err((true, _)) => {
            asked.store(true, Ordering::Relaxed);
            None
        }
    }
}

/// What identifies the data of an objective.
fn digest<T: Held>(objective: &DataObjective<T>) -> String {
    let (mut hash, mut bytes) = (Sha256::new(), Vec::new());
    for field in objective.examples().fields() {
        for block in field.values.chunks(1 << 14) {
            bytes.clear();
            T::to_bytes(block, &mut bytes);
            hash.update(&bytes);
        }
        hash.update((field.width as u64).to_le_bytes());
    }
    for values in objective.examples().shared() {
        bytes.clear();
        T::to_bytes(values, &mut bytes);
        hash.update(&bytes);
    }
    hex(hash.finalize())
}

/// How it went.
fn told<T: Held + NumpyElement>(py: Python<'_>, trained: Trained<T>) -> PyResult<Bound<'_, PyDict>> {
    let Trained { parameters, best, records, outcome, findings, train, test } = trained;
    let out = PyDict::new(py);
    out.set_item("parameters", parameters.into_pyarray(py))?;
    out.set_item("best", best.map(|best| best.into_pyarray(py)))?;
    out.set_item("columns", values::columns(py, &records)?)?;
    let stop = serde_json::to_value(&outcome.stop).ok();
    let reason = stop.as_ref().and_then(|stop| stop.get("reason")).and_then(|reason| reason.as_str());
    out.set_item("reason", reason)?;
    out.set_item("stop", outcome.stop.to_string())?;
    let is_success = outcome.stop.is_success() && !findings.iter().any(onedge_train::Finding::is_failure);
    out.set_item("is_success", is_success)?;
    out.set_item("findings", PyList::new(py, findings.iter().map(ToString::to_string))?)?;
    out.set_item("steps", outcome.steps)?;
    out.set_item("seconds", outcome.seconds)?;
    out.set_item("diagnostics_seconds", outcome.diagnostics_seconds)?;
    out.set_item("cost", outcome.cost)?;
    out.set_item("edge", outcome.edge)?;
    out.set_item("events", outcome.events.into_iter().filter(|(_, times)| *times > 0).collect::<Vec<_>>())?;
    out.set_item("best_step", outcome.best.as_ref().map(|best| best.step))?;
    out.set_item("train", train)?;
    out.set_item("test", test)?;
    Ok(out)
}
