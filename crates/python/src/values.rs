//! Values between Python and specs, records and indexes.

use std::collections::BTreeMap;

use numpy::IntoPyArray;
use onedge_registry::Value;
use onedge_spec::Document;
use onedge_store::FieldValue;
use onedge_train::Record;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::errors::argument;

/// A spec as a dictionary: values, and a dictionary for each section. `origin` names it in errors.
pub fn document(origin: &str, given: &Bound<'_, PyDict>) -> PyResult<Document> {
    let mut document = Document::empty(origin);
    for (key, value) in given {
        let key = name("a key of a spec", &key)?;
        match value.cast::<PyDict>() {
            Ok(section) => {
                let mut values = BTreeMap::new();
                for (inner, value) in section {
                    let inner = name(&format!("a key of `{key}`"), &inner)?;
                    values.extend(of_python(&format!("{key}.{inner}"), &value)?.map(|value| (inner, value)));
                }
                document.sections.insert(key, values);
            }
            Err(_) => document.root.extend(of_python(&key, &value)?.map(|value| (key, value))),
        }
    }
    Ok(document)
}

fn name(what: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    given.extract::<String>().map_err(|_| argument(format!("{what}: expected text, got {}", shown(given))))
}

fn shown(given: &Bound<'_, PyAny>) -> String {
    given.repr().map_or_else(|_| "something without a text".to_owned(), |text| text.to_string())
}

/// A value of a spec; `None` is none.
pub fn of_python(key: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    if given.is_none() {
        return Ok(None);
    }
    let expected =
        || argument(format!("{key}: expected a number, text, True, False or a list of them, got {}", shown(given)));
    let value = if given.is_instance_of::<PyBool>() {
        Value::Flag(given.extract()?)
    } else if given.is_instance_of::<PyString>() {
        Value::Text(given.extract()?)
    } else if given.is_instance_of::<PyInt>() {
        Value::Integer(given.extract().map_err(|_| expected())?)
    } else if given.is_instance_of::<PyFloat>() {
        Value::Number(given.extract()?)
    } else if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        let items = given.try_iter()?.map(|item| of_python(key, &item?)?.ok_or_else(expected));
        Value::List(items.collect::<PyResult<_>>()?)
    } else if let Ok(integer) = given.extract::<i64>() {
        Value::Integer(integer)
    } else if let Ok(path) = given.extract::<std::path::PathBuf>() {
        Value::Text(path.to_str().ok_or_else(expected)?.to_owned())
    } else {
        Value::Number(given.extract().map_err(|_| expected())?)
    };
    Ok(Some(value))
}

/// What an index knows of a run.
pub fn of_field<'py>(py: Python<'py>, value: &FieldValue) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        FieldValue::Integer(value) => value.into_pyobject(py)?.into_any(),
        FieldValue::Number(value) => value.into_pyobject(py)?.into_any(),
        FieldValue::Text(value) => value.into_pyobject(py)?.into_any(),
        FieldValue::Flag(value) => value.into_pyobject(py)?.to_owned().into_any(),
        FieldValue::Words(words) => PyList::new(py, words)?.into_any(),
        FieldValue::List(items) => {
            let items = items.iter().map(|item| of_field(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
    })
}

/// One record, with what was measured at its step.
pub fn record<'py>(py: Python<'py>, record: &Record) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    values.set_item("step", record.step)?;
    for column in onedge_train::COLUMNS.iter().skip(1) {
        if let Some(value) = (column.get)(record) {
            values.set_item(column.name, value)?;
        }
    }
    for (name, value) in &record.measured {
        values.set_item(name, value)?;
    }
    if !record.eigenvalues.is_empty() {
        values.set_item("eigenvalues", record.eigenvalues.clone().into_pyarray(py))?;
    }
    if !record.density.is_empty() {
        values.set_item("density", record.density.clone())?;
    }
    Ok(values)
}

/// The columns of records, NaN where nothing was measured; such as were never measured are left out. Eigenvalues and densities come as pairs of a
/// step and what it has.
pub fn columns<'py>(py: Python<'py>, records: &[Record]) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    let steps: Vec<i64> = records.iter().map(|record| record.step as i64).collect();
    columns.set_item("step", steps.into_pyarray(py))?;
    for column in onedge_train::COLUMNS.iter().skip(1) {
        let values: Vec<Option<f64>> = records.iter().map(column.get).collect();
        let always = ["loss", "learning_rate", "cost", "seconds"].contains(&column.name);
        if always || values.iter().any(Option::is_some) {
            let values: Vec<f64> = values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
            columns.set_item(column.name, values.into_pyarray(py))?;
        }
    }
    let mut names: Vec<&String> = records.iter().flat_map(|record| record.measured.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let value = |record: &Record| record.measured.get(name).copied().unwrap_or(f64::NAN);
        columns.set_item(name, records.iter().map(value).collect::<Vec<_>>().into_pyarray(py))?;
    }
    let of = |record: &&Record| !record.eigenvalues.is_empty();
    let eigenvalues: Vec<_> = records.iter().filter(of).map(|r| (r.step, r.eigenvalues.clone())).collect();
    let of = |record: &&Record| !record.density.is_empty();
    let density: Vec<_> = records.iter().filter(of).map(|r| (r.step, r.density.clone())).collect();
    for (name, points) in [("eigenvalues", eigenvalues.into_pyobject(py)?), ("density", density.into_pyobject(py)?)] {
        if points.len()? > 0 {
            columns.set_item(name, points)?;
        }
    }
    Ok(columns)
}
