//! Runs that left a folder: their index, their records, specs of built-in networks.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use onedge_record::{Record, RunDirectory};
use onedge_registry::{Default, Entry, Setting};
use onedge_run::forecast::forecast;
use onedge_run::{DataSets, Finished, Outputs, Place, Request, Unfinished, execute, resume};
use onedge_spec::{Catalogue, Document, Spec};
use onedge_store::{Entry as RunEntry, Filter, IndexedRoot, Selection, Sort, Store, path_of};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::call::{attended, detached, of_panic};
use crate::errors::{Kind, argument, error, of_run, of_store};
use crate::train::train;
use crate::values::{columns, document, of_field};

/// Adds all functions of this file, and [`train`].
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(entries, module)?)?;
    module.add_function(wrap_pyfunction!(runs, module)?)?;
    module.add_function(wrap_pyfunction!(find_run, module)?)?;
    module.add_function(wrap_pyfunction!(run_facts, module)?)?;
    module.add_function(wrap_pyfunction!(run_columns, module)?)?;
    module.add_function(wrap_pyfunction!(resolve_spec, module)?)?;
    module.add_function(wrap_pyfunction!(train_spec, module)?)?;
    module.add_function(wrap_pyfunction!(resume_run, module)?)?;
    module.add_function(wrap_pyfunction!(plan_spec, module)?)?;
    module.add_function(wrap_pyfunction!(train, module)?)
}

/// An entry: its name, a line about it, its documentation, and each setting with its kind, default and a line about it.
type Described = (String, String, String, Vec<(String, String, String, String)>);

/// The entries of a registry: `optimizer`, `tuner`, `diagnostic`, `model`, `loss` or `data`.
#[pyfunction]
fn entries(kind: &str) -> PyResult<Vec<Described>> {
    let all = Catalogue::standard();
    Ok(match kind {
        "optimizer" => described(all.optimizers()),
        "tuner" => described(all.tuners()),
        "diagnostic" => described(all.diagnostics()),
        "model" => described(all.models()),
        "loss" => described(all.losses()),
        "data" => described(all.data_sets()),
        other => {
            let known = "`optimizer`, `tuner`, `diagnostic`, `model`, `loss` or `data`";
            return Err(argument(format!("kind: expected {known}, got `{other}`")));
        }
    })
}

fn described<B>(entries: &[&'static Entry<B>]) -> Vec<Described> {
    let default = |setting: &Setting| match setting.default {
        Default::Required => "required".to_owned(),
        Default::Absent => String::new(),
        Default::Is(text) => text.to_owned(),
        Default::Presets(values) => {
            values.iter().map(|(preset, text)| format!("{text} ({preset})")).collect::<Vec<_>>().join(", ")
        }
    };
    let settings = |entry: &Entry<B>| {
        let setting = |s: &Setting| (s.key.to_owned(), s.kind.to_string(), default(s), s.help.to_owned());
        entry.settings.iter().map(setting).collect()
    };
    entries.iter().map(|e| (e.name.to_owned(), e.summary.to_owned(), e.doc.to_owned(), settings(e))).collect()
}

/// What is known of the runs below `root`: a dictionary for each.
#[pyfunction]
#[pyo3(signature = (root, condition=None, sort=None, limit=None))]
fn runs<'py>(
    py: Python<'py>,
    root: PathBuf,
    condition: Option<&str>,
    sort: Option<&str>,
    limit: Option<usize>,
) -> PyResult<Bound<'py, PyList>> {
    let filter = condition.map(Filter::parse).transpose().map_err(|error| of_store(&error))?;
    let sort = sort.map(Sort::parse);
    let selection = Selection { filter: filter.as_ref(), sort: sort.as_ref(), limit, columns: None };
    let found = detached(py, &AtomicBool::new(false), true, || {
        Store::open(&root, &Catalogue::standard()).and_then(|mut store| store.list(&selection))
    })?;
    let rows = found.map_err(|error| of_store(&error))?.into_iter().map(|facts| {
        let row = PyDict::new(py);
        facts.iter().try_for_each(|(key, fact)| row.set_item(key, of_field(py, fact)?))?;
        Ok(row)
    });
    PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
}

/// The folder of the run that is called `run`.
#[pyfunction]
fn find_run(py: Python<'_>, root: PathBuf, run: &str) -> PyResult<PathBuf> {
    detached(py, &AtomicBool::new(false), true, || path_of(&root, run, &Catalogue::standard()))?
        .map_err(|error| of_store(&error))
}

/// What is known of the run in a folder; what is to be said of how it went is `sentences`.
#[pyfunction]
fn run_facts(py: Python<'_>, folder: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let directory = RunDirectory::open(&folder).map_err(|error| of_run(&error.into()))?;
    let entry = RunEntry::at(&folder, &Catalogue::standard()).map_err(|error| of_store(&error))?;
    let facts = PyDict::new(py);
    entry.facts.iter().try_for_each(|(key, fact)| facts.set_item(key, of_field(py, fact)?))?;
    let summary = directory.read_summary().ok().flatten();
    let findings = summary.iter().flat_map(|summary| summary.findings.iter().map(ToString::to_string));
    facts.set_item("sentences", PyList::new(py, findings.collect::<Vec<_>>())?)?;
    let edge = Document::read(&directory.spec()).ok().and_then(|document| Spec::edge_of(&document));
    facts.set_item("edge", edge)?;
    Ok(facts)
}

/// The columns of the records of the run in a folder.
#[pyfunction]
fn run_columns(py: Python<'_>, folder: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let read = detached(py, &AtomicBool::new(false), true, || {
        let directory = RunDirectory::open(&folder)?;
        // A run may not have come to its first step yet.
        if directory.steps().is_file() { directory.read_steps().map(|read| read.records) } else { Ok(Vec::new()) }
    })?;
    columns(py, &read.map_err(|error| of_run(&error.into()))?)
}

/// A spec: a dictionary, TOML, or the path of a file.
#[derive(FromPyObject)]
enum AnySpec<'py> {
    #[pyo3(annotation = "dict")]
    Values(Bound<'py, PyDict>),
    #[pyo3(annotation = "str")]
    Toml(String),
    #[pyo3(annotation = "path")]
    File(PathBuf),
}

impl AnySpec<'_> {
    fn resolve(&self) -> PyResult<Spec> {
        let document = match self {
            Self::Values(values) => document("spec", values)?,
            Self::Toml(text) => Document::parse("spec", text).map_err(|error| argument(error.to_string()))?,
            Self::File(path) => Document::read(path).map_err(|error| of_run(&error.into()))?,
        };
        Spec::resolve(&document).map_err(|error| argument(error.to_string()))
    }
}

/// The whole spec as TOML, with every default.
#[pyfunction]
fn resolve_spec(spec: AnySpec<'_>) -> PyResult<String> {
    Ok(spec.resolve()?.settings_to_toml())
}

/// Trains the network of a spec, in `folder` or else in a new one below `root`. Returns the folder.
#[pyfunction]
#[pyo3(signature = (spec, root, folder=None, tick=None, cache=None))]
fn train_spec(
    py: Python<'_>,
    spec: AnySpec<'_>,
    root: PathBuf,
    folder: Option<PathBuf>,
    tick: Option<Py<PyAny>>,
    cache: Option<PathBuf>,
) -> PyResult<PathBuf> {
    let spec = spec.resolve()?;
    in_turn(py, tick, |asked, observe| {
        let catalogue = Catalogue::standard();
        let index = IndexedRoot::new(&root, &catalogue);
        let place = folder.as_deref().map_or(Place::Under(&root), Place::At);
        let request = Request { spec: &spec, place, register: Some(&index), start: None, save: None };
        execute(&request, &mut DataSets::new(cache), observe, asked)
    })
}

/// Goes on with the run in a folder. Returns the folder.
#[pyfunction]
#[pyo3(signature = (folder, root, steps=None, tick=None, cache=None))]
fn resume_run(
    py: Python<'_>,
    folder: PathBuf,
    root: PathBuf,
    steps: Option<u64>,
    tick: Option<Py<PyAny>>,
    cache: Option<PathBuf>,
) -> PyResult<PathBuf> {
    in_turn(py, tick, |asked, observe| {
        let catalogue = Catalogue::standard();
        let index = IndexedRoot::new(&root, &catalogue);
        let unfinished = Unfinished::open(&folder, steps, &catalogue)?;
        let outputs = Outputs { register: Some(&index), save: None };
        resume(unfinished, outputs, &mut DataSets::new(cache), observe, asked, &mut |_| {})
    })
}

/// Runs `work` with Ctrl-C as what ends it between two steps.
fn in_turn(
    py: Python<'_>,
    tick: Option<Py<PyAny>>,
    work: impl FnOnce(&AtomicBool, &mut dyn FnMut(&Record)) -> Result<Finished, onedge_run::Error> + Send,
) -> PyResult<PathBuf> {
    let (asked, reached) = (AtomicBool::new(false), Mutex::new(None));
    let mut tick = |py: Python<'_>, is_last: bool| {
        let Some(tick) = &tick else { return Ok(()) };
        let at: Option<(u64, f64, f64)> = *reached.lock().unwrap_or_else(PoisonError::into_inner);
        at.map_or(Ok(()), |(step, loss, rate)| tick.call1(py, (step, loss, rate, is_last)).map(drop))
    };
    let interrupt = |_: Duration| asked.store(true, Ordering::Relaxed);
    let ended = py.detach(|| {
        attended(&mut tick, &interrupt, |_| {
            let mut observe = |record: &Record| {
                let at = (record.step + 1, record.loss, record.learning_rate);
                *reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
            };
            let run = || work(&asked, &mut observe).map(|finished| finished.folder);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        })
    });
    let (result, raised) = ended?;
    match raised {
        Some(raised) => Err(raised),
        None => result.map_err(|panic| of_panic(&*panic))?.map_err(|error| of_run(&error)),
    }
}

/// What the run of a spec will cost, as text and as JSON.
#[pyfunction]
#[pyo3(signature = (spec, cache=None))]
fn plan_spec(py: Python<'_>, spec: AnySpec<'_>, cache: Option<PathBuf>) -> PyResult<(String, String)> {
    let spec = spec.resolve()?;
    let found = detached(py, &AtomicBool::new(false), false, || forecast(&spec, &mut DataSets::new(cache)))?;
    let found = found.map_err(|error| of_run(&error))?;
    let json = serde_json::to_string(&found).map_err(|problem| error(Kind::Internal, problem))?;
    Ok((found.to_text(), json))
}
