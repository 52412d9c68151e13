//! A run whose loop is in Python, and which tells of its steps.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use onedge_record::StopReason;
use onedge_registry::Value;
use onedge_run::Observed;
use onedge_train::Record;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{Kind, argument, error, of_run};
use crate::values::of_python;

/// A run that is being recorded.
#[pyclass(module = "onedge._core", frozen)]
pub struct Recorder {
    run: Mutex<Option<Observed>>,
}

#[pymethods]
impl Recorder {
    /// Begins a run in a new folder; `described` are settings by dotted keys.
    #[new]
    fn new(folder: PathBuf, parameters: u64, described: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut settings: Vec<(String, Value)> = Vec::new();
        for (key, value) in described {
            let key: String = key.extract()?;
            settings.extend(of_python(&key, &value)?.map(|value| (key, value)));
        }
        let run = Observed::begin(&folder, parameters, &settings).map_err(|error| of_run(&error))?;
        Ok(Self { run: Mutex::new(Some(run)) })
    }

    /// Appends the record of a step: its columns by their names, all else as what was measured.
    fn append(&self, step: u64, values: &Bound<'_, PyDict>) -> PyResult<()> {
        let mut record = Record { step, loss: f64::NAN, learning_rate: f64::NAN, ..Record::default() };
        for (key, value) in values {
            let key: String = key.extract()?;
            if key == "eigenvalues" {
                record.eigenvalues = value.extract()?;
                continue;
            }
            let value: f64 = value.extract()?;
            match key.as_str() {
                "loss" => record.loss = value,
                "learning_rate" => record.learning_rate = value,
                "gradient_norm" => record.gradient_norm = Some(value),
                "update_norm" => record.update_norm = Some(value),
                "slope" => record.slope = Some(value),
                "curvature" => record.curvature = Some(value),
                "sharpness" => record.sharpness = Some(value),
                "residual" => record.residual = Some(value),
                "preconditioned_sharpness" => record.preconditioned_sharpness = Some(value),
                "alignment" => record.alignment = Some(value),
                "update_cosine" => record.update_cosine = Some(value),
                "converged" => record.converged = Some(value != 0.0),
                "products" => record.products = Some(value as u64),
                "cost" => record.cost = value,
                "seconds" => record.seconds = value,
                _ => drop(record.measured.insert(key, value)),
            }
        }
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let run = run.as_mut().ok_or_else(|| error(Kind::State, "the run has ended; begin another one"))?;
        run.append(record).map_err(|error| of_run(&error))
    }

    /// Ends the run: `steps_done`, `interrupted`, or `failed` with what went wrong. Nothing if it has ended.
    #[pyo3(signature = (reason, spent, problem=String::new()))]
    fn finish(&self, reason: &str, spent: f64, problem: String) -> PyResult<()> {
        let Some(run) = self.run.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let step = run.reached();
        let stop = match reason {
            "steps_done" => StopReason::StepsDone,
            "interrupted" => StopReason::Interrupted { step },
            "failed" => StopReason::Failed { step, error: problem },
            other => return Err(argument(format!("reason: expected steps_done, interrupted or failed, got {other}"))),
        };
        run.finish(stop, spent).map_err(|error| of_run(&error))
    }
}
