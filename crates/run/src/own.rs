//! An own model on own arrays ([`fit`](onedge_train::fit::fit)) as a run with a folder.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use onedge_record::{Expected, RunDirectory, StopReason, Summary, params, write_whole};
use onedge_registry::Value;
use onedge_spec::{CONTENT, Cadence, Machine, PROVENANCE, parse_table, to_toml};
use onedge_train::fit::{Fit, Fitted};
use onedge_train::{Element, Layout, Outcome, Prepared, Trained, Watch};

use crate::fingerprint::{of_content, of_problem};
use crate::registration::Registration;
use crate::resume::last_with_records;
use crate::session::{Described, Left, Opening, Session};
use crate::{DataSets, Error, Interrupt, Onward, ResumeError};

/// Training that leaves a folder: records, checkpoints, parameters and a summary, as a run of a spec does.
pub trait RunIn {
    /// Trains, with everything left in `folder` and a checkpoint every so many steps, 0 for none.
    ///
    /// If the run is in the folder already, it continues from its last checkpoint, bit-identically; if it has come to its
    /// end, it is read back and nothing is trained. A larger number of steps takes it further. Data and settings must be those
    /// that it began with. What a closure, an own optimizer or an own tuner computes cannot be compared: only the names and
    /// shapes of the parameters are.
    ///
    /// # Errors
    /// Those of [`Fit::run`]; a folder with something else in it; [`ResumeError`] for data or settings that differ;
    /// [`Error::Incomplete`] if a file could not be written.
    ///
    /// # Example
    /// ```
    /// use onedge_data::{Dataset, Targets};
    /// use onedge_nn::losses;
    /// use onedge_run::RunIn;
    /// use onedge_train::fit::fit;
    ///
    /// # let root = tempfile::tempdir()?;
    /// # let folder = root.path().join("line");
    /// let train = |steps| {
    ///     let data = Dataset::from_arrays(&[0.0, 1.0, 2.0], &[3, 1], Targets::values(&[1.0, 3.0, 5.0], 1)?)?;
    ///     let loss = losses::build("squared", Default::default())?;
    ///     let fit = fit(data, loss, |layers, x| layers.dense(x, 1))?.steps(steps);
    ///     Ok::<_, Box<dyn std::error::Error>>(fit.run_in(&folder, 10)?)
    /// };
    /// assert_eq!(train(20)?.records.len(), 20);
    /// // The first twenty steps are not taken again.
    /// assert_eq!(train(40)?.records.len(), 40);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn run_in(self, folder: impl AsRef<Path>, checkpoint_every: u64) -> Result<Fitted, Error>;
}

impl RunIn for Fit {
    fn run_in(self, folder: impl AsRef<Path>, checkpoint_every: u64) -> Result<Fitted, Error> {
        let ready = self.ready()?;
        let described = ready.described.clone();
        let (prepared, rest) = ready.split();
        let content = prepared.problem.data.as_deref().map(of_content);
        let checkpoints = Cadence { every: checkpoint_every, minutes: 0.0, keep: 2 };
        let run = OwnRun { described, prepared, content, checkpoints, is_fresh: true };
        let left = run.train_in(folder.as_ref(), Earlier::GoesOn, &mut |_, _| None, &AtomicBool::new(false))?;
        let Trained { parameters, best, records, outcome, findings, train, test } = left;
        Ok(rest.fitted(parameters, best, records, outcome, findings, (train, test)))
    }
}

/// A run of no spec, with what is to be said of it.
pub(crate) struct OwnRun<T: Element> {
    /// All settings, by dotted keys.
    pub(crate) described: Vec<(String, Value)>,
    pub(crate) prepared: Prepared<T>,
    /// What its data hold, where that is known.
    pub(crate) content: Option<String>,
    pub(crate) checkpoints: Cadence,
    /// Whether it begins with random parameters.
    pub(crate) is_fresh: bool,
}

/// What becomes of a run that is in the folder already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// It continues, or is read back if it has come to its end.
    GoesOn,
    /// It stays as it is, and there is no other.
    Refused,
}

impl<T: Element> OwnRun<T> {
    /// Trains in a folder: see [`RunIn::run_in`].
    pub(crate) fn train_in(
        self,
        folder: &Path,
        earlier: Earlier,
        watch: &mut Watch<'_, T>,
        interrupt: &dyn Interrupt,
    ) -> Result<Trained<T>, Error> {
        let Self { described, prepared, content, checkpoints, is_fresh } = self;
        let name = folder.file_name().map_or("own".to_owned(), |name| name.to_string_lossy().into_owned());
        let settings = text(&described);
        let described =
            Described { name: name.clone(), data: "arrays".to_owned(), settings: settings.clone(), checkpoints };
        let layouts = prepared.problem.layouts.clone();
        let directory = RunDirectory::at(folder);
        let (registration, opening) = if earlier == Earlier::GoesOn && directory.spec().is_file() {
            let lock = directory.lock(&mut |_| {})?;
            require_same(&directory, &settings)?;
            require_content(&directory, content.as_deref())?;
            let summary = directory.read_summary().ok().flatten();
            let survey = directory.survey(Expected { from: 0, every: prepared.plan.record_every })?;
            let taken = summary.as_ref().map_or(0, |summary| summary.steps).max(survey.reached());
            if taken > prepared.plan.steps {
                let expected = format!("{taken} or more, the steps that {} has recorded", folder.display());
                return Err(Error::Option { option: "steps", expected, got: prepared.plan.steps.to_string() });
            }
            if let Some(summary) = summary.filter(|summary| has_ended(summary, prepared.plan.steps)) {
                let parameters = params::load(&directory.params(), &layouts)?;
                let (train, test) = (summary.train.clone(), summary.test.clone());
                let findings = summary.findings.clone();
                let records = if directory.steps().is_file() { directory.read_steps()?.records } else { Vec::new() };
                let best = best_of(&directory, &layouts, summary.best.is_some())?;
                let outcome = outcome(summary, &prepared.method.0.edge());
                return Ok(Trained { parameters, best, records, outcome, findings, train, test });
            }
            let again = "remove its folder, which begins it again";
            let last = last_with_records::<T>(&directory, &survey, &layouts, again, &mut |_| {})?;
            if last.as_ref().is_some_and(|checkpoint| checkpoint.about.data != of_problem(&prepared.problem)) {
                let origin = directory.spec().display().to_string();
                return Err(ResumeError::OtherData { origin, place: String::new(), onward: Onward::Arrays }.into());
            }
            let registration = Registration::of(None, directory.path(), lock);
            (registration, Opening::Resumed(last.map(Left::of), Default::default()))
        } else {
            RunDirectory::create(folder)?;
            let registration = Registration::begin(None, folder, &|_| {})?;
            let spec = with_provenance(&name, &settings, content, &registration);
            write_whole(&directory.spec(), spec.as_bytes())?;
            (registration, Opening::New)
        };
        let (first, w) = (0, prepared.problem.initial(prepared.plan.seed));
        let session = Session { described, prepared, directory, registration, opening, w, first, is_fresh, save: None };
        let (finished, parameters, outcome) = session.run_keeping(&mut DataSets::new(None), watch, interrupt)?;
        let Summary { findings, train, test, .. } = finished.summary;
        let directory = RunDirectory::at(folder);
        let best = best_of(&directory, &layouts, outcome.best.is_some())?;
        Ok(Trained { parameters, best, records: directory.read_steps()?.records, outcome, findings, train, test })
    }
}

/// The parameters of the best evaluation, if there was one.
fn best_of<T: Element>(directory: &RunDirectory, layouts: &[Layout], is_there: bool) -> Result<Option<Vec<T>>, Error> {
    Ok(is_there.then(|| params::load(&directory.best(), layouts)).transpose()?)
}

/// Whether there is nothing left to do for a run that is to take so many steps.
fn has_ended(summary: &Summary, steps: u64) -> bool {
    match summary.stop {
        StopReason::StepsDone => summary.steps >= steps,
        StopReason::Interrupted { .. } | StopReason::Failed { .. } => false,
        _ => true,
    }
}

fn outcome(summary: Summary, edge: &Option<f64>) -> Outcome {
    Outcome {
        stop: summary.stop,
        steps: summary.steps,
        seconds: summary.seconds,
        diagnostics_seconds: summary.spectrum_seconds,
        cost: summary.cost,
        left_out: Vec::new(),
        best: summary.best,
        events: summary.events.into_iter().collect(),
        edge: *edge,
    }
}

/// Settings as TOML: those without a dot first, then the sections.
pub(crate) fn text(described: &[(String, Value)]) -> String {
    let mut sections: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
    for (dotted, value) in described {
        let (section, key) = dotted.split_once('.').unwrap_or(("", dotted));
        sections.entry(section).or_default().push((key, value));
    }
    let mut out = String::new();
    for (section, settings) in sections {
        if !section.is_empty() {
            let _ = writeln!(out, "\n[{section}]");
        }
        for (key, value) in settings {
            let _ = writeln!(out, "{key} = {}", to_toml(value));
        }
    }
    out
}

/// The spec of a run with how it came to be.
pub(crate) fn with_provenance(
    name: &str,
    settings: &str,
    content: Option<String>,
    registration: &Registration<'_>,
) -> String {
    let mut out = format!("name = {}\n{settings}\n[{PROVENANCE}]\n", to_toml(&Value::Text(name.to_owned())));
    let machine = Machine::this().provenance().map(|(key, value)| (key.to_owned(), value));
    let content = content.map(|content| (CONTENT.to_owned(), Value::Text(content)));
    for (key, value) in machine.into_iter().chain(content).chain(registration.provenance()) {
        let _ = writeln!(out, "{key} = {}", to_toml(&value));
    }
    out
}

/// What changes no bit of a step: when a run ends, and what is kept of it.
const MAY_DIFFER: [&str; 7] =
    ["name", "steps", "target_loss", "checkpoint_every", "checkpoint_minutes", "checkpoint_keep", "record_every"];

/// Whether the run in the folder has these settings, when it ends apart.
fn require_same(directory: &RunDirectory, settings: &str) -> Result<(), Error> {
    let path = directory.spec();
    let origin = path.display().to_string();
    let there = std::fs::read_to_string(&path).map_err(onedge_record::Error::read(&path))?;
    let (before, now) = (flat(&origin, &there)?, flat(&origin, settings)?);
    let keys = before.keys().chain(now.keys()).filter(|key| !MAY_DIFFER.contains(&key.as_str()));
    let differs = |key: &&String| before.get(*key) != now.get(*key);
    match keys.into_iter().find(differs) {
        None => Ok(()),
        Some(key) => {
            let of = |all: &BTreeMap<String, String>| all.get(key).cloned().unwrap_or_else(|| "absent".to_owned());
            let (before, now) = (of(&before), of(&now));
            Err(ResumeError::OtherSetting { origin, key: key.clone(), before, now }.into())
        }
    }
}

/// Whether the run in the folder was on data that hold the same. One of a version that did not note what they held is believed.
fn require_content(directory: &RunDirectory, content: Option<&str>) -> Result<(), Error> {
    let path = directory.spec();
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(onedge_record::Error::read(&path))?;
    let table = parse_table(&origin, &text)?;
    match table.get(PROVENANCE).and_then(|section| section.get(CONTENT)).and_then(toml::Value::as_str) {
        Some(was) if content.is_some_and(|content| content != was) => {
            Err(ResumeError::OtherData { origin, place: String::new(), onward: Onward::Arrays }.into())
        }
        _ => Ok(()),
    }
}

/// Values by dotted keys, where a run was made left out.
fn flat(origin: &str, text: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut all = BTreeMap::new();
    for (key, value) in parse_table(origin, text)? {
        match value {
            toml::Value::Table(_) if key == PROVENANCE => {}
            toml::Value::Table(section) => {
                all.extend(section.into_iter().map(|(inner, value)| (format!("{key}.{inner}"), value.to_string())));
            }
            value => drop(all.insert(key, value.to_string())),
        }
    }
    Ok(all)
}
