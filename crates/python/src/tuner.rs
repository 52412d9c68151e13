//! A tuner of the catalogue that is asked from Python: about a step it learns what a Python object says of the line, and gives the rate.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard};

use onedge_objective::{Error as ObjectiveError, Probe};
use onedge_tune::{BatchLine, Change, Conditions, Error, Form, Line, Sharpness, State, Trial, tuners};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::call::of_panic;
use crate::errors::{Kind, argument, error};
use crate::values;

/// A tuner with its state. Vectors it never sees: all that it asks of a step are numbers.
#[pyclass(frozen, module = "onedge._core")]
pub struct Tuner(Mutex<Box<dyn onedge_tune::Tuner>>);

#[pymethods]
impl Tuner {
    /// The tuner `name` with `settings`.
    #[new]
    fn new(name: &str, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let sections = PyDict::new(settings.py());
        sections.set_item("tuner", settings)?;
        let given = values::document("tuner", &sections)?.sections.remove("tuner").unwrap_or_default();
        Ok(Self(Mutex::new(tuners::build(name, given).map_err(argument)?)))
    }

    /// The rate of the step that `line` tells of.
    ///
    /// `line` has the attributes `step`, `loss`, `rounding`, `restarted`, `previous_learning_rate` (or None), `edge` (or None), `full_batch` and `steps` (or None), and the
    /// methods `slope()`, `curvature()`, `part_curvature()`, `value(rate)`, `gradient_norm()`, `update_norm()`, `sharpness()` (a value, and whether it converged),
    /// `previous_cosine()` (or None), `trial(rate)` (loss and slope), `change()` (|s|^2, s.y, |y|^2, or None), `distance()` (or None) and `parameter_norm()`. A method is called when the tuner
    /// asks, at most once unless it has an argument. What it raises comes out as it is.
    fn learning_rate(&self, line: &Bound<'_, PyAny>) -> PyResult<f64> {
        let mut tuner = self.lock()?;
        let mut asked = Asked::new(line)?;
        let answer = catch_unwind(AssertUnwindSafe(|| tuner.learning_rate(&mut asked)));
        if let Some(raised) = asked.raised.take() {
            return Err(raised);
        }
        let rate = answer.map_err(|panic| of_panic(&*panic))?.map_err(|problem| of_tuner(&problem))?;
        let step = asked.step;
        finite(step, Probe::LearningRate, rate).map_err(|problem| of_tuner(&problem))
    }

    /// Whether it will ask for a curvature at `step`, as far as can be told.
    fn expects_curvature(&self, step: u64) -> PyResult<bool> {
        Ok(self.lock()?.expects_curvature(step))
    }

    /// What has to be kept for its questions: `previous_gradient`, `first_point`, `descent`, and `parts`, 1 for the whole batch.
    fn needs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let needs = self.lock()?.needs();
        let out = PyDict::new(py);
        out.set_item("previous_gradient", needs.previous_gradient)?;
        out.set_item("first_point", needs.first_point)?;
        out.set_item("descent", needs.descent)?;
        out.set_item("parts", needs.parts.unwrap_or(1))?;
        Ok(out)
    }

    /// How often it met what its formula does not provide for.
    fn events(&self) -> PyResult<BTreeMap<&'static str, u64>> {
        Ok(self.lock()?.events().iter().collect())
    }

    /// All that the next rate depends on, as numbers by name.
    fn state(&self) -> PyResult<BTreeMap<String, f64>> {
        Ok(self.lock()?.state().scalars)
    }

    /// Puts back what `state` gave.
    fn restore(&self, scalars: BTreeMap<String, f64>) -> PyResult<()> {
        let state = State { scalars, ..State::new() };
        self.lock()?.restore(state).map_err(|problem| of_tuner(&problem))
    }
}

impl Tuner {
    fn lock(&self) -> PyResult<MutexGuard<'_, Box<dyn onedge_tune::Tuner>>> {
        let busy = "tuner: expected one call at a time, got one from within a question of it or from another thread";
        self.0.try_lock().map_err(|_| error(Kind::State, busy))
    }
}

/// What a tuner reports.
fn of_tuner(problem: &Error) -> PyErr {
    let kind = match problem {
        Error::NonFinite { .. } | Error::Diverged { .. } => Kind::NonFinite,
        _ => Kind::Argument,
    };
    error(kind, problem)
}

fn finite(step: u64, probe: Probe, value: f64) -> Result<f64, Error> {
    if value.is_finite() { Ok(value) } else { Err(Error::NonFinite { step, probe, value }) }
}

/// A line that a Python object tells of.
struct Asked<'a, 'py> {
    line: &'a Bound<'py, PyAny>,
    step: u64,
    loss: f64,
    rounding: f64,
    restarted: bool,
    conditions: Conditions,
    previous_learning_rate: Option<f64>,
    /// The first answer that was an exception, which ends the question.
    raised: Option<PyErr>,
    known: BTreeMap<&'static str, f64>,
}

impl<'a, 'py> Asked<'a, 'py> {
    fn new(line: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        let (edge, steps) = (line.getattr("edge")?.extract()?, line.getattr("steps")?.extract()?);
        Ok(Self {
            line,
            step: line.getattr("step")?.extract()?,
            loss: line.getattr("loss")?.extract()?,
            rounding: line.getattr("rounding")?.extract()?,
            restarted: line.getattr("restarted")?.extract()?,
            conditions: Conditions { edge, full_batch: line.getattr("full_batch")?.extract()?, steps },
            previous_learning_rate: line.getattr("previous_learning_rate")?.extract()?,
            raised: None,
            known: BTreeMap::new(),
        })
    }

    /// What the method says.
    fn ask<V>(&mut self, method: &'static str, rate: Option<f64>) -> Result<V, Error>
    where
        V: for<'b> FromPyObject<'b, 'py, Error = PyErr>,
    {
        let answer = match rate {
            None => self.line.call_method0(method),
            Some(rate) => self.line.call_method1(method, (rate,)),
        };
        answer.and_then(|answer| answer.extract()).map_err(|raised| self.refuse(raised))
    }

    /// Whoever asked gets `raised` in the place of this error.
    fn refuse(&mut self, raised: PyErr) -> Error {
        self.raised.get_or_insert(raised);
        Error::Objective { step: self.step, source: ObjectiveError::Interrupted }
    }

    /// A number that must be finite, asked for once.
    fn number(&mut self, method: &'static str, probe: Probe) -> Result<f64, Error> {
        if let Some(known) = self.known.get(method) {
            return Ok(*known);
        }
        let value = finite(self.step, probe, self.ask(method, None)?)?;
        self.known.insert(method, value);
        Ok(value)
    }
}

impl Line for Asked<'_, '_> {
    fn step(&self) -> u64 {
        self.step
    }

    fn conditions(&self) -> Conditions {
        self.conditions
    }

    fn rounding(&self) -> f64 {
        self.rounding
    }

    fn restarted(&self) -> bool {
        self.restarted
    }

    fn loss(&self) -> f64 {
        self.loss
    }

    fn slope(&mut self) -> Result<f64, Error> {
        self.number("slope", Probe::Slope)
    }

    fn curvature(&mut self) -> Result<f64, Error> {
        self.number("curvature", Probe::Curvature)
    }

    fn part_curvature(&mut self) -> Result<f64, Error> {
        self.number("part_curvature", Probe::PartCurvature)
    }

    fn gauss_newton_curvature(&mut self) -> Result<f64, Error> {
        self.number("gauss_newton_curvature", Probe::GaussNewtonVector)
    }

    fn batch_line(&mut self) -> Result<BatchLine, Error> {
        let (descent, curvature) = self.ask("batch_line", None)?;
        let curvature = finite(self.step, Probe::Curvature, curvature)?;
        Ok(BatchLine { descent: finite(self.step, Probe::Slope, descent)?, curvature })
    }

    fn over_signs(&mut self, form: Form, samples: usize) -> Result<f64, Error> {
        let form = if form == Form::Trace { "trace" } else { "squares" };
        let answer = self.line.call_method1("over_signs", (form, samples)).and_then(|answer| answer.extract());
        let value = answer.map_err(|raised| self.refuse(raised))?;
        finite(self.step, Probe::Sample, value)
    }

    fn value(&mut self, learning_rate: f64) -> Result<f64, Error> {
        self.ask("value", Some(learning_rate))
    }

    fn gradient_norm(&mut self) -> Result<f64, Error> {
        self.number("gradient_norm", Probe::Gradient)
    }

    fn update_norm(&mut self) -> Result<f64, Error> {
        self.number("update_norm", Probe::Update)
    }

    fn sharpness(&mut self) -> Result<Sharpness, Error> {
        let (value, converged) = self.ask("sharpness", None)?;
        Ok(Sharpness { value: finite(self.step, Probe::Sharpness, value)?, converged })
    }

    fn previous_cosine(&mut self) -> Option<f64> {
        self.ask::<Option<f64>>("previous_cosine", None).ok().flatten()
    }

    fn previous_learning_rate(&self) -> Option<f64> {
        self.previous_learning_rate
    }

    fn trial(&mut self, learning_rate: f64) -> Result<Trial, Error> {
        let (value, slope): (f64, f64) = self.ask("trial", Some(learning_rate))?;
        Ok(Trial { value, slope: if value.is_finite() && slope.is_finite() { slope } else { f64::NAN } })
    }

    fn change(&mut self) -> Result<Option<Change>, Error> {
        let change: Option<(f64, f64, f64)> = self.ask("change", None)?;
        change
            .map(|(step_square, product, gradient_square)| {
                let gradient_square = finite(self.step, Probe::Gradient, gradient_square)?;
                Ok(Change { step_square, product, gradient_square })
            })
            .transpose()
    }

    fn distance(&mut self) -> Result<Option<f64>, Error> {
        self.ask("distance", None)
    }

    fn parameter_norm(&mut self) -> Result<f64, Error> {
        self.number("parameter_norm", Probe::Update)
    }
}
