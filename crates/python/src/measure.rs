//! The diagnostics of the registry at a point of an objective.

use std::collections::BTreeMap;

use numpy::Element as NumpyElement;
use onedge_engine::DataObjective;
use onedge_objective::{Costs, Error as ObjectiveError, Layer, Sampled, vector};
use onedge_registry::{Error as RegistryError, Settings, Value, find};
use onedge_spectrum::Error;
use onedge_spectrum::diagnostics::{self, Instrument, Point, Setup, Step, instruments};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{argument, of_spectrum};
use crate::objective::{Held, Objective};
use crate::values::of_python;

/// Diagnostics that draw batches of single examples.
const SAMPLED: [&str; 3] = ["batch-sharpness", "update-batch-sharpness", "noise-scale"];

/// What is asked of a point.
struct Question<T> {
    w: Vec<T>,
    /// The update at unit learning rate; minus the gradient if absent.
    update: Option<Vec<T>>,
    learning_rate: f64,
    layers: Vec<Layer>,
    seed: u64,
}

/// What was measured, by name, and what has no value, with the reason.
#[derive(Default)]
struct Answer {
    readings: Vec<diagnostics::Reading>,
    missing: Vec<(&'static str, String)>,
}

/// Measures the diagnostics of these names at `w`: readings by name, those with a standard error also with `_error`, the density as pairs; and what has
/// no value there, with the reason. The point becomes `w`. Those that draw batches draw them from `samples`, the same loss with a part for each example;
/// without it they have no value, because of `why`.
#[pyfunction]
#[pyo3(signature = (objective, names, w, *, settings=None, layers=Vec::new(), update=None, learning_rate=f64::NAN, seed=0, samples=None, why=""))]
#[expect(clippy::too_many_arguments, reason = "named in Python")]
pub fn measure<'py>(
    py: Python<'py>,
    objective: &Objective,
    names: Vec<String>,
    w: &Bound<'py, PyAny>,
    settings: Option<&Bound<'py, PyDict>>,
    layers: Vec<(String, Vec<usize>)>,
    update: Option<&Bound<'py, PyAny>>,
    learning_rate: f64,
    seed: u64,
    samples: Option<&Bound<'py, Objective>>,
    why: &str,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let mut given = BTreeMap::new();
    for (key, value) in settings.into_iter().flatten() {
        let key: String = key.extract()?;
        given.extend(of_python(&key, &value)?.map(|value| (key, value)));
    }
    let layers = Layer::in_order(layers);
    let (values, missing) = (PyDict::new(py), PyDict::new(py));
    let samples = samples.map(Bound::get).ok_or(why);
    let answer = if objective.is_double() {
        answer::<f64>(py, (objective, samples), &names, given, w, update, (learning_rate, layers, seed))?
    } else {
        answer::<f32>(py, (objective, samples), &names, given, w, update, (learning_rate, layers, seed))?
    };
    for reading in answer.readings {
        if reading.nodes.is_empty() {
            values.set_item(&reading.name, reading.value)?;
        } else {
            values.set_item(&reading.name, reading.nodes)?;
        }
        if let Some(error) = reading.standard_error {
            values.set_item(format!("{}_error", reading.name), error)?;
        }
    }
    for (name, why) in answer.missing {
        missing.set_item(name, why)?;
    }
    Ok((values, missing))
}

fn answer<T: Held + NumpyElement>(
    py: Python<'_>,
    (objective, samples): (&Objective, Result<&Objective, &str>),
    names: &[String],
    given: BTreeMap<String, Value>,
    w: &Bound<'_, PyAny>,
    update: Option<&Bound<'_, PyAny>>,
    (learning_rate, layers, seed): (f64, Vec<Layer>, u64),
) -> PyResult<Answer> {
    let of_samples: Vec<&str> =
        ["trace", "top"].into_iter().filter(|name| given.contains_key(&format!("{name}_batch"))).collect();
    let list = chosen::<T>(names, given).map_err(argument)?;
    if names.iter().any(|name| name == "gauss-newton") {
        objective.require_outputs()?;
    }
    let w = objective.copied::<T>("w", w)?;
    let update = update.map(|update| objective.copied::<T>("update", update)).transpose()?;
    Layer::require_cover(&layers, w.len()).map_err(argument)?;
    let question = Question { w, update, learning_rate, layers, seed };
    let draws =
        |instrument: &Instrument<T>| SAMPLED.contains(&instrument.name) || of_samples.contains(&instrument.name);
    let (drawn, list): (Vec<_>, Vec<_>) = list.into_iter().partition(draws);
    let mut answer = Answer::default();
    if !list.is_empty() {
        let measured = objective.watched::<T, _>(py, |objective| ask(&mut Whole(objective), list, &question))?;
        answer = measured.map_err(|error| of_spectrum(&error))?;
    }
    match samples {
        Ok(samples) if !drawn.is_empty() => {
            let measured = samples.watched::<T, _>(py, |objective| ask(objective, drawn, &question))?;
            let Answer { readings, missing } = measured.map_err(|error| of_spectrum(&error))?;
            answer.readings.extend(readings);
            answer.missing.extend(missing);
        }
        Ok(_) => {}
        Err(why) => answer.missing.extend(drawn.into_iter().map(|instrument| (instrument.name, why.to_owned()))),
    }
    Ok(answer)
}

/// The diagnostics of these names, with their settings.
fn chosen<T: Held>(names: &[String], mut given: BTreeMap<String, Value>) -> Result<Vec<Instrument<T>>, RegistryError> {
    let mut entries = Vec::new();
    for name in names {
        entries.push(find("diagnostic", diagnostics::ALL, name)?);
    }
    let settings: Vec<_> = entries.iter().flat_map(|entry| entry.settings).copied().collect();
    for entry in &entries {
        given.entry(entry.settings[0].key.to_owned()).or_insert(Value::Integer(1));
    }
    instruments(&entries, &Settings::resolve_section("diagnostics", &settings, given)?)
}

fn ask<T: Held>(
    problem: &mut dyn Sampled<T>,
    list: Vec<Instrument<T>>,
    question: &Question<T>,
) -> Result<Answer, Error> {
    let Question { w, update, learning_rate, layers, seed } = question;
    let mut gradient = vec![T::ZERO; w.len()];
    let loss = problem.linearize(w, &mut gradient)?;
    let downhill: Vec<T> = gradient.iter().map(|&g| -g).collect();
    let update = update.as_ref().unwrap_or(&downhill);
    let sharpness = None;
    let step =
        Step { number: 0, w, loss, gradient: &gradient, update, learning_rate: *learning_rate, sharpness, batch: None };
    let mut direction = |gradient: &[T], update: &mut [T]| {
        update.copy_from_slice(gradient);
        vector::scale(-1.0, update);
        Ok(())
    };
    let setup = Setup { seed: *seed, threads: 1, batch_size: None };
    let mut point = Point::new(problem, step, layers, &mut direction, setup).linearized();
    let mut answer = Answer::default();
    for mut instrument in list {
        match instrument.diagnostic.measure(&mut point) {
            Ok(readings) => answer.readings.extend(readings),
            Err(error @ Error::Objective(ObjectiveError::Interrupted)) => return Err(error),
            Err(error) => answer.missing.push((instrument.name, error.to_string())),
        }
    }
    Ok(answer)
}

/// The batch as the one example that there is: its parts are not what diagnostics mean by examples.
struct Whole<'a, T>(&'a mut DataObjective<T>);

impl<T: Held> onedge_objective::Objective<T> for Whole<'_, T> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, ObjectiveError> {
        self.0.linearize(w, gradient)
    }
    fn curvature(&mut self, u: &[T]) -> Result<f64, ObjectiveError> {
        self.0.curvature(u)
    }
    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.0.hessian_vector(v, out)
    }
    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.0.gauss_newton_vector(v, out)
    }
    fn loss(&mut self, w: &[T]) -> Result<f64, ObjectiveError> {
        self.0.loss(w)
    }
    fn costs(&self) -> Costs {
        self.0.costs()
    }
}

impl<T: Held> Sampled<T> for Whole<'_, T> {
    fn examples(&self) -> usize {
        1
    }
    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), ObjectiveError> {
        match indices {
            None | Some([0]) => Ok(()),
            Some(_) => Err(ObjectiveError::Unsupported { probe: onedge_objective::Probe::Loss }),
        }
    }
}
