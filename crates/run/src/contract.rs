//! What every entry of a catalogue must honour, as checks that a program runs on entries of its own in its tests.
//!
//! Each check takes the catalogue, the name of the entry, and assignments such as `tuner.rate=0.1` for settings that have no
//! default. It trains a small problem for a few steps, several times.
//!
//! # Example
//! ```
//! use onedge_run::contract;
//! use onedge_spec::Catalogue;
//!
//! contract::check_tuner(&Catalogue::standard(), "greedy", &[])?;
//! contract::check_tuner(&Catalogue::standard(), "constant", &["tuner.rate=0.1"])?;
//! # Ok::<(), contract::Violation>(())
//! ```

use std::fmt;

use onedge_objective::{Objective, vector};
use onedge_registry::{Default, Entry, Value};
use onedge_spec::{Catalogue, Document, Spec};
use onedge_spectrum::diagnostics;
use onedge_train::{Advance, Augment, Element, Plan, Prepared, Record, Snapshot, StopReason, Training};

use crate::prepare::prepare;
use crate::{DataSets, build_problem};

/// What an entry does not honour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

type Checked = Result<(), Violation>;

fn violation<V>(message: impl Into<String>) -> Result<V, Violation> {
    Err(Violation(message.into()))
}

/// Checks the tuner `name`: its entry; that rates are numbers, zero or more; that a run restored at any of some steps has the
/// same bits as one that went on, in both precisions, full batch and mini-batches, with plain, preconditioned and
/// self-scaling optimizers; that it refuses the state of another tuner.
///
/// # Errors
/// The first thing that it does not honour.
pub fn check_tuner(catalogue: &Catalogue, name: &str, given: &[&str]) -> Checked {
    check_entry("tuner", entry("tuner", catalogue.tuners(), name)?)?;
    for optimizer in ["gd", "momentum", "adam"] {
        for batch in ["~batch", "batch=5"] {
            let choice = [format!("tuner={name}"), format!("optimizer={optimizer}"), batch.to_owned()];
            check_both(&spec(catalogue, TABLE, &choice, given)?)?;
        }
    }
    check_foreign_state(&spec(catalogue, TABLE, &[format!("tuner={name}")], given)?)
}

/// Checks the optimizer `name`: its entry; that a restored run has the same bits, with several tuners; that it refuses the
/// state of another optimizer; that a duplicate goes the same way and leaves the first alone; that a preconditioner is
/// positive.
///
/// # Errors
/// The first thing that it does not honour.
pub fn check_optimizer(catalogue: &Catalogue, name: &str, given: &[&str]) -> Checked {
    check_entry("optimizer", entry("optimizer", catalogue.optimizers(), name)?)?;
    for tuner in [&["tuner=constant", "tuner.rate=0.01"][..], &["tuner=cdat"]] {
        for batch in ["~batch", "batch=5"] {
            let choice = [format!("optimizer={name}"), batch.to_owned()];
            check_both(&spec(catalogue, TABLE, &choice, &[tuner, given].concat())?)?;
        }
    }
    let spec = spec(catalogue, TABLE, &[format!("optimizer={name}")], given)?;
    check_foreign_state(&spec)?;
    check_duplicate(&spec)
}

/// Checks the model `name`: its entry; that slope and curvature are those of five-point differences of loss and gradient
/// in double precision; that `u . H u` is `u . (H u)`; that a restored run has the same bits. It is tried on a table, on
/// images and on text, and must take one of them, or the data set that `given` names.
///
/// # Errors
/// The first thing that it does not honour.
pub fn check_model(catalogue: &Catalogue, name: &str, given: &[&str]) -> Checked {
    check_entry("model", entry("model", catalogue.models(), name)?)?;
    let mut refusals = Vec::new();
    for problem in [TABLE, IMAGES, TEXT] {
        let spec = spec(catalogue, problem, &[format!("model={name}")], given)?;
        match build_problem::<f64>(&spec, &mut DataSets::new(None)) {
            Ok(_) => {
                check_derivatives(&spec)?;
                return check_both(&spec);
            }
            Err(error) => refusals.push(error.to_string()),
        }
    }
    violation(format!("model {name}: takes neither a table, nor images, nor text: {}", refusals.join("; ")))
}

/// Checks the loss `name` on classes or on values, whichever it takes: its entry, and what [`check_model`] says of derivatives
/// and of restored runs. One that takes neither any class nor any number needs a data set that suits it in `given`.
///
/// # Errors
/// The first thing that it does not honour.
pub fn check_loss(catalogue: &Catalogue, name: &str, given: &[&str]) -> Checked {
    check_entry("loss", entry("loss", catalogue.losses(), name)?)?;
    let mut refusals = Vec::new();
    for target in ["data.target=classes", "data.target=values"] {
        let spec = spec(catalogue, TABLE, &[format!("loss={name}"), target.to_owned()], given)?;
        match build_problem::<f64>(&spec, &mut DataSets::new(None)) {
            Ok(_) => {
                check_derivatives(&spec)?;
                return check_both(&spec);
            }
            Err(error) => refusals.push(error.to_string()),
        }
    }
    violation(format!("loss {name}: takes neither classes nor values: {}", refusals.join("; ")))
}

/// Checks the data set `name`: its entry; that the same settings give the same examples; that a model can be trained on it.
/// `given` may name the loss and the model that suit it.
///
/// # Errors
/// The first thing that it does not honour.
pub fn check_data_set(catalogue: &Catalogue, name: &str, given: &[&str]) -> Checked {
    check_entry("data-set", entry("data set", catalogue.data_sets(), name)?)?;
    let spec = spec(catalogue, &[], &[format!("data={name}")], given)?;
    let read = || DataSets::new(None).get(&spec, 1).map_err(|error| Violation(format!("data set {name}: {error}")));
    let (once, again) = (read()?, read()?);
    if crate::fingerprint::of_data(&once) != crate::fingerprint::of_data(&again) {
        return violation(format!("data set {name}: expected the same examples of the same settings, got others"));
    }
    check_both(&spec)
}

/// Checks the diagnostic `name`: its entry; that it reads what it says that it reads, in numbers; that measuring leaves the
/// run as it was; that a restored run reads the same.
///
/// # Errors
/// The first thing that it does not honour.
pub fn check_diagnostic(catalogue: &Catalogue, name: &str, given: &[&str]) -> Checked {
    let found = entry("diagnostic", catalogue.diagnostics(), name)?;
    check_entry("diagnostic", found)?;
    let Some(cadence) = found.settings.first().map(|setting| setting.key) else {
        return violation(format!("diagnostic {name}: expected its cadence as the first setting"));
    };
    let asked = spec(catalogue, TABLE, &["batch=5".to_owned(), format!("diagnostics.{cadence}=1")], given)?;
    let silent = spec(catalogue, TABLE, &["batch=5".to_owned(), format!("diagnostics.{cadence}=0")], given)?;
    check_both(&asked)?;
    let (with, without) = (course::<f64>(&asked, None, STEPS)?, course::<f64>(&silent, None, STEPS)?);
    let mut read = 0;
    for (with, without) in with.records.iter().zip(&without.records) {
        if (with.loss, with.learning_rate) != (without.loss, without.learning_rate) {
            return violation(format!("diagnostic {name}: changed the run at step {}", with.step));
        }
        for (reading, value) in with.measured.iter().filter(|(reading, _)| *reading != "diagnostics_cost") {
            let own = diagnostics::makes_reading(&found.build, reading);
            if !own || !value.is_finite() {
                return violation(format!(
                    "diagnostic {name}: read `{reading}` = {value}, expected a finite number of {:?}",
                    found.build.readings
                ));
            }
            read += 1;
        }
    }
    if read == 0 {
        violation(format!("diagnostic {name}: expected readings in {STEPS} steps, got none"))
    } else {
        Ok(())
    }
}

/// A table of classes, or of values where an assignment says so.
const TABLE: &[&str] =
    &["data=teacher", "data.examples=24", "data.features=3", "data.outputs=2", "model=mlp", "model.hidden=[4, 3]"];
const IMAGES: &[&str] = &["data=digits", "data.first=24"];
const TEXT: &[&str] = &["data=cicero", "data.context=8", "data.first=12"];
const STEPS: u64 = 8;

fn spec(catalogue: &Catalogue, problem: &[&str], choice: &[String], given: &[&str]) -> Result<Spec, Violation> {
    let mut document = Document::empty("contract").with_catalogue(catalogue);
    let own = [format!("steps={STEPS}"), "engine.threads=1".to_owned(), "diagnostics.curvature=true".to_owned()];
    // What chooses an entry drops its settings, so the choices come first.
    let all = problem.iter().copied().chain(choice.iter().chain(&own).map(String::as_str)).chain(given.iter().copied());
    for assignment in all {
        document.set(assignment).map_err(|error| Violation(error.to_string()))?;
    }
    let needs_values = document.get("data.target") == Some(&Value::Text("values".to_owned()));
    if needs_values && document.get("loss.name").is_none() {
        document.set("loss=squared").map_err(|error| Violation(error.to_string()))?;
    }
    Spec::resolve(&document).map_err(|error| Violation(error.to_string()))
}

fn entry<B>(what: &'static str, entries: &[&'static Entry<B>], name: &str) -> Result<&'static Entry<B>, Violation> {
    onedge_registry::find(what, entries, name).map_err(|error| Violation(error.to_string()))
}

/// What listings and specs need: a summary of a line, documentation, defaults that are values of their settings.
fn check_entry<B>(what: &str, entry: &Entry<B>) -> Checked {
    let name = entry.name;
    if entry.summary.is_empty() || entry.summary.ends_with('.') || entry.summary.contains('\n') {
        return violation(format!(
            "{what} {name}: expected a summary of one line without a full stop, got {:?}",
            entry.summary
        ));
    }
    if entry.doc.is_empty() {
        return violation(format!("{what} {name}: expected documentation, got none"));
    }
    for setting in entry.settings {
        let key = setting.key;
        if !key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') || setting.help.is_empty() {
            return violation(format!("{what} {name}: {key}: expected a key in snake case, with help"));
        }
        if let Default::Is(text) = setting.default
            && Value::parse(text).into_kind(setting.kind).is_none()
        {
            return violation(format!("{what} {name}: {key}: the default {text:?} is no value of its kind"));
        }
    }
    Ok(())
}

/// How a run went, times left out.
struct Course<T> {
    records: Vec<Record>,
    w: Vec<T>,
    stop: StopReason,
    snapshot: Snapshot<T>,
}

fn failed(error: impl fmt::Display) -> Violation {
    Violation(error.to_string())
}

/// Trains up to the step `until`, from `from` if that is given.
fn course<T: Element>(spec: &Spec, from: Option<Snapshot<T>>, until: u64) -> Result<Course<T>, Violation> {
    let Prepared { plan, mut problem, method, mut instruments, .. } =
        prepare::<T>(spec, &mut DataSets::new(None)).map_err(failed)?;
    let augment = Augment::new(&problem.input_shape, spec.crop, spec.flip).map_err(failed)?;
    let plan = Plan { augment, ..plan };
    let mut w = problem.initial(spec.seed);
    let mut training = Training::new(&plan, &mut *problem.train, &mut w, method, &mut instruments).map_err(failed)?;
    if let Some(snapshot) = from {
        training.restore(snapshot).map_err(failed)?;
    }
    let mut records = Vec::new();
    let stop = loop {
        if training.steps() == until {
            break StopReason::StepsDone;
        }
        match training.advance() {
            Advance::Step(record) => records.push(Record { seconds: 0.0, ..record }),
            Advance::Stop { reason, record } => {
                records.extend(record.map(|record| Record { seconds: 0.0, ..record }));
                break reason;
            }
        }
    };
    let snapshot = training.snapshot();
    training.finish(stop.clone()).map_err(failed)?;
    Ok(Course { records, w, stop, snapshot })
}

fn check_both(spec: &Spec) -> Checked {
    check_course::<f32>(spec)?;
    check_course::<f64>(spec)
}

/// Rates that are rates, and the same bits from any step on.
fn check_course<T: Element>(spec: &Spec) -> Checked {
    let what = format!("{} with {} in {}", spec.optimizer.name, spec.tuner.name, T::NAME);
    let whole = course::<T>(spec, None, STEPS)?;
    if let StopReason::Failed { step, error } = &whole.stop {
        return violation(format!("{what}: failed at step {step}: {error}"));
    }
    for record in whole.records.iter().filter(|record| record.learning_rate.is_finite()) {
        if record.learning_rate < 0.0 {
            return violation(format!(
                "{what}: rate {} at step {}, expected zero or more",
                record.learning_rate, record.step
            ));
        }
    }
    for at in [1, 4, 5] {
        let first = course::<T>(spec, None, at)?;
        if first.stop != StopReason::StepsDone {
            continue;
        }
        let rest = course::<T>(spec, Some(first.snapshot), STEPS)?;
        // Text, as NaN equals nothing.
        let same = format!("{:?}", rest.records) == format!("{:?}", &whole.records[at as usize..]);
        if !same || format!("{:?}", rest.w) != format!("{:?}", whole.w) {
            return violation(format!(
                "{what}: restored at step {at} it goes another way; state and restore must hold all that is kept between steps"
            ));
        }
    }
    Ok(())
}

/// Whether tuner and optimizer refuse a state with something foreign in it.
fn check_foreign_state(spec: &Spec) -> Checked {
    let good = course::<f64>(spec, None, 2)?.snapshot;
    for part in ["tuner", "optimizer"] {
        let mut odd = good.clone();
        let scalars = if part == "tuner" { &mut odd.method.tuner.scalars } else { &mut odd.method.optimizer.scalars };
        scalars.insert("of something else".to_owned(), 0.0);
        if course::<f64>(spec, Some(odd), 2).is_ok() {
            let name = if part == "tuner" { &spec.tuner.name } else { &spec.optimizer.name };
            return violation(format!(
                "{part} {name}: took a state with a number in it that is none of its own; end restore with `reader.finish()?`"
            ));
        }
    }
    Ok(())
}

fn check_duplicate(spec: &Spec) -> Checked {
    let name = &spec.optimizer.name;
    let mut prepared = prepare::<f64>(spec, &mut DataSets::new(None)).map_err(failed)?;
    let w = prepared.problem.initial(1);
    let gradient: Vec<f64> = w.iter().enumerate().map(|(i, w)| w + (i as f64).sin()).collect();
    let optimizer = &mut prepared.method.0;
    let mut update = vec![0.0; w.len()];
    for _ in 0..3 {
        optimizer.direction(&w, &gradient, &mut update).map_err(failed)?;
    }
    let (before, mut second, mut other) = (optimizer.state(), optimizer.duplicate(), vec![0.0; w.len()]);
    second.direction(&w, &update, &mut other).map_err(failed)?;
    if optimizer.state() != before {
        return violation(format!("optimizer {name}: what its duplicate does changes it"));
    }
    optimizer.direction(&w, &update, &mut update.clone()).map_err(failed)?;
    if optimizer.state() != second.state() {
        return violation(format!("optimizer {name}: its duplicate goes another way"));
    }
    match optimizer.preconditioner() {
        Some(p) if p.iter().any(|p| !(*p > 0.0 && p.is_finite())) => {
            violation(format!("optimizer {name}: its preconditioner is not positive everywhere"))
        }
        _ => Ok(()),
    }
}

/// Slope and curvature against five-point differences, and against the product with the Hessian.
fn check_derivatives(spec: &Spec) -> Checked {
    const STEP: f64 = 3e-4;
    const SAME: f64 = 1e-7;
    let what = format!("model {} with {}", spec.model.name, spec.loss.name);
    let mut problem = build_problem::<f64>(spec, &mut DataSets::new(None)).map_err(failed)?;
    let mut w = problem.initial(3);
    w.iter_mut().enumerate().for_each(|(i, w)| *w += 0.1 * (1.7 * i as f64).sin());
    let mut u: Vec<f64> = (0..w.len()).map(|i| (0.9 * i as f64 + 0.3).cos()).collect();
    let norm = vector::norm(&u);
    u.iter_mut().for_each(|u| *u /= norm);
    let objective: &mut dyn Objective<f64> = &mut *problem.train;
    let mut slope_at = |shift: f64| {
        let moved: Vec<f64> = w.iter().zip(&u).map(|(w, u)| w + shift * u).collect();
        let mut gradient = vec![0.0; moved.len()];
        let loss = objective.linearize(&moved, &mut gradient).map_err(failed)?;
        Ok::<_, Violation>((loss, vector::dot(&gradient, &u)))
    };
    let points = [-2.0, -1.0, 1.0, 2.0].map(|k| slope_at(k * STEP));
    let [a, b, c, d] = points;
    let ((a, sa), (b, sb), (c, sc), (d, sd)) = (a?, b?, c?, d?);
    let difference = |a: f64, b: f64, c: f64, d: f64| (a - 8.0 * b + 8.0 * c - d) / (12.0 * STEP);
    let (_, slope) = slope_at(0.0)?;
    let curvature = objective.curvature(&u).map_err(failed)?;
    let mut product = vec![0.0; u.len()];
    objective.hessian_vector(&u, &mut product).map_err(failed)?;
    let far = |one: f64, other: f64| (one - other).abs() > SAME * (1.0 + one.abs().max(other.abs()));
    let checks = [
        ("the slope", slope, "five-point differences of the loss", difference(a, b, c, d)),
        ("the curvature", curvature, "five-point differences of the slope", difference(sa, sb, sc, sd)),
        ("the curvature", curvature, "u . (H u)", vector::dot(&u, &product)),
    ];
    match checks.into_iter().find(|(_, one, _, other)| far(*one, *other)) {
        None => Ok(()),
        Some((quantity, one, witness, other)) => {
            violation(format!("{what}: {quantity} is {one}, by {witness} {other}"))
        }
    }
}
