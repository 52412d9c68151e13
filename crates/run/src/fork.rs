use std::collections::BTreeMap;
use std::path::Path;

use onedge_objective::State;
use onedge_record::checkpoint::{Checkpoint, CheckpointError, Checkpoints};
use onedge_record::{Error as RecordError, Record, RunDirectory, StopReason, check_writable};
use onedge_registry::Value;
use onedge_spec::{Catalogue, Precision, Spec};
use onedge_train::{Advance, Element, Layout, Prepared, Recorder, Snapshot, Training};
use onedge_tune::TrainerState;

use crate::fingerprint::of_problem;
use crate::meaning::{CARRIED, Learned, is_read_alike, read_as_told};
use crate::origin::{Origin, steps_of};
use crate::prepare::prepare;
use crate::problem::layouts_of;
use crate::recorded::Recorded;
use crate::resume::state_at;
use crate::session::{Described, Left, Opening, Session, begin};
use crate::{DataSets, Error, Finished, Interrupt, Outputs, Place, ResumeError};

/// A variant of a run, from one of its steps on.
#[derive(Debug)]
pub struct Branch {
    origin: Origin,
    spec: Spec,
    at: u64,
}

impl Branch {
    /// Of the run in the folder `path`, from the step `at` on, with settings changed by `changes` as `--set` does. The run
    /// itself may be going on. Without a name among the changes it is called after the run and the step.
    ///
    /// # Errors
    /// [`Error::Record`]; [`Error::Option`] for a step that the run has not reached, or after which none is to follow; what is wrong with the changes.
    pub fn open(path: &Path, at: u64, changes: &[String], catalogue: &Catalogue) -> Result<Self, Error> {
        let origin = Origin::read(path, catalogue)?;
        let option = |option, expected, got: u64| Error::Option { option, expected, got: got.to_string() };
        let (reached, run) = (origin.reached(), path.display());
        if reached == 0 {
            let (expected, got) = ("a run that has taken steps".to_owned(), format!("{run}, which has taken none"));
            return Err(Error::Option { option: "at", expected, got });
        }
        if at == 0 || at > reached {
            let expected = format!("a step from 1 to {reached}, the steps that {run} has taken");
            return Err(option("at", expected, at));
        }
        let mut document = origin.document.clone();
        document.set(&format!("name={} from {at}", origin.spec.name))?;
        document.set(&format!("steps={}", origin.spec.steps))?;
        document.set_all(changes)?;
        let spec = Spec::resolve(&document)?;
        if spec.steps <= at && spec.steps == origin.spec.steps {
            let expected =
                format!("fewer than {at}, the steps of {run}, or `steps=N` among the changes with N above {at}");
            return Err(option("at", expected, at));
        }
        if spec.steps <= at {
            return Err(option("set steps", format!("more than {at}, where the fork begins"), spec.steps));
        }
        Ok(Self { origin, spec, at })
    }

    /// What is to be done.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }
}

/// Does the variant in a new folder, whose records begin with those of the run. What still fits goes on as it was:
/// parameters always, the optimizer's and the tuner's state if their names are the same. Where there is a checkpoint of the step, the
/// data of the run need not be there any more. Where there is none, the run is repeated from the one before, with its own settings.
/// `tell` gets a sentence on what was kept.
///
/// Other data are read by what the run has learned of its own ([`Meaning`](onedge_data::Meaning)), unless the changes say how they are to be read: inputs are
/// scaled as they were, and classes keep their numbers.
///
/// # Errors
/// [`ResumeError`]: checkpoints that cannot be used, a run whose settings have changed since, or data where steps are to be repeated;
/// [`Error::OtherMeaning`] for data that a model of the run does not suit; a model whose parameters
/// are others. Beyond that as [`execute`](super::execute).
pub fn fork(
    branch: &Branch,
    place: Place<'_>,
    outputs: Outputs<'_>,
    data_sets: &mut DataSets,
    observe: &mut dyn FnMut(&Record),
    interrupt: &dyn Interrupt,
    tell: &mut dyn FnMut(&str),
) -> Result<Finished, Error> {
    // What is wrong is better said before steps are repeated.
    if let Place::At(path) = place {
        RunDirectory::require_free(path)?;
    }
    outputs.save.map(check_writable).transpose()?;
    let is_carried = read_as_before(branch, data_sets, tell)?;
    let there = match branch.origin.spec.precision {
        Precision::F32 => at_checkpoint::<f32>(branch, data_sets)?,
        Precision::F64 => at_checkpoint::<f64>(branch, data_sets)?,
    };
    let left = match (there, branch.origin.spec.precision) {
        (Some(left), _) => left,
        (None, Precision::F32) => repeat::<f32>(branch, data_sets, interrupt, tell)?,
        (None, Precision::F64) => repeat::<f64>(branch, data_sets, interrupt, tell)?,
    };
    let left = (left, is_carried);
    match branch.spec.precision {
        Precision::F32 => go_on::<f32>(branch, left, place, outputs, data_sets, observe, interrupt, tell),
        Precision::F64 => go_on::<f64>(branch, left, place, outputs, data_sets, observe, interrupt, tell),
    }
}

/// The run at the step where it is left.
struct ForkPoint {
    snapshot: Snapshot<f64>,
    /// What it knew of its records; nothing where that is lost.
    records: State<f64>,
    /// The parameters to evaluate, where they are others.
    evaluation_point: Option<Vec<f64>>,
    layouts: Vec<Layout>,
    /// What its data held, as [`of_data`] has it.
    data: String,
}

/// The run at the step, if it has left a checkpoint there that can be used. Nothing of its data is needed.
fn at_checkpoint<T: Element>(branch: &Branch, data_sets: &mut DataSets) -> Result<Option<ForkPoint>, Error> {
    let Branch { origin, spec, at } = branch;
    let path = Checkpoints::in_folder(&origin.directory.checkpoints()).path(*at);
    if !path.is_file() {
        return Ok(None);
    }
    let layouts = layouts_of(spec, data_sets)?;
    let checkpoint = match Checkpoint::<T>::read(&path, &layouts) {
        Ok(checkpoint) => checkpoint,
        Err(RecordError::Checkpoint(CheckpointError::OtherParameters { name, expected, got, .. })) => {
            // It is the variant that has other parameters.
            let (origin, expected, got) = (spec.origin.clone(), got, expected);
            return Err(RecordError::from(CheckpointError::OtherParameters { origin, name, expected, got }).into());
        }
        // The one before is tried, which says what is wrong with this one.
        Err(RecordError::Checkpoint(CheckpointError::Damaged { .. })) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    origin.check_settings(&checkpoint.about)?;
    let mut optimizer = origin.spec.build_optimizer::<T>().map_err(onedge_spec::Error::spec(&origin.spec.origin))?;
    optimizer.set_layers(&Layout::layers(&layouts))?;
    optimizer.restore(checkpoint.snapshot.method.optimizer.clone())?;
    let evaluation_point = optimizer.evaluation_point().map(|point| point.iter().map(|x| x.to_f64()).collect());
    let Checkpoint { about, snapshot, records } = checkpoint;
    let (snapshot, data) = (snapshot.convert(), about.data);
    Ok(Some(ForkPoint { snapshot, records, evaluation_point, layouts, data }))
}

/// Takes the run to the step from the checkpoint before, with its own settings and data.
fn repeat<T: Element>(
    branch: &Branch,
    data_sets: &mut DataSets,
    interrupt: &dyn Interrupt,
    tell: &mut dyn FnMut(&str),
) -> Result<ForkPoint, Error> {
    let Branch { origin, at, .. } = branch;
    read_as_told(origin, data_sets)?;
    check_fit(branch, data_sets)?;
    let prepared = prepare::<T>(&origin.spec, data_sets)?;
    let data = of_problem(&prepared.problem);
    origin.check_data(&prepared.problem)?;
    let (checkpoint, mut w) = state_at(origin, *at, &prepared, tell)?;
    let Prepared { plan, mut problem, method, mut instruments, .. } = prepared;
    let mut training = Training::new(&plan, &mut *problem.train, &mut w, method, &mut instruments)?;
    let recorder = Recorder::new(&plan, origin.forked_at());
    let mut recorded = match checkpoint {
        None => Some(Recorded::new(recorder, origin.forked_at())),
        Some(Checkpoint { snapshot, records, .. }) => {
            training.restore(snapshot)?;
            let known = (!records.is_empty()).then_some(records);
            known.map(|state| Recorded::of_state(state, recorder, origin.forked_at())).transpose()?
        }
    };
    if training.steps() < *at {
        tell(&format!("no checkpoint at step {at}: repeats the run from step {}", training.steps()));
    }
    let first = training.steps();
    let mut before = Vec::new();
    if first < *at {
        let repeated = first..first + COMPARED;
        origin.directory.each_step(&mut |record| before.extend(Some(record).filter(|r| repeated.contains(&r.step))))?;
    }
    let stop = loop {
        // A tuner that comes down towards the end of the run does so here, too.
        if training.steps() >= *at {
            let evaluation_point = training.evaluation_point().map(|point| point.iter().map(|x| x.to_f64()).collect());
            let snapshot = training.snapshot().convert();
            let records = recorded.as_ref().map(Recorded::state).unwrap_or_default();
            return Ok(ForkPoint { snapshot, records, evaluation_point, layouts: problem.layouts, data });
        }
        if interrupt.is_set() {
            break StopReason::Interrupted { step: training.steps() };
        }
        let (record, stop) = match training.advance() {
            Advance::Step(record) => (Some(record), None),
            Advance::Stop { reason, record } => (record, Some(reason)),
        };
        if let (Some(recorded), Some(record)) = (&mut recorded, &record) {
            recorded.see(record);
        }
        let compared = record.filter(|record| record.step < first + COMPARED);
        if let Some(now) = compared
            && let Some(before) = before.iter().find(|before| before.step == now.step)
            && let Some(fault) = difference(origin, before, &now)
        {
            return Err(fault.into());
        }
        if let Some(reason) = stop {
            break reason;
        }
    };
    let run = origin.directory.path();
    match stop {
        StopReason::Interrupted { .. } => Err(ResumeError::Interrupted { what: run.display().to_string() }.into()),
        stop => Err(ResumeError::Ended { run: run.to_owned(), stop }.into()),
    }
}

/// Has data that are others than those of the run read by what the run has learned of its own. Returns whether they are.
fn read_as_before(branch: &Branch, data_sets: &mut DataSets, tell: &mut dyn FnMut(&str)) -> Result<bool, Error> {
    let (origin, new) = (&branch.origin, &branch.spec);
    // A run of a version that did not note what its data held is believed.
    let Some(content) = origin.content() else { return Ok(false) };
    let is_same = |data_sets: &mut DataSets| Ok::<_, Error>(data_sets.content(new)? == content);
    if !is_read_alike(&origin.spec, new) {
        if !is_same(data_sets)? {
            tell("the data are others than those of the run; what their inputs and classes mean is learned anew");
        }
        return Ok(false);
    }
    // Examples with other classes may not be readable without knowing those of the run.
    if matches!(is_same(data_sets), Ok(true)) || !Learned::of_run(&origin.directory)?.read(new, data_sets)? {
        return Ok(false);
    }
    if !is_same(data_sets)? {
        tell("the data are others than those of the run; inputs are scaled and classes numbered as they were there");
    }
    Ok(true)
}

/// How far a repeated step may be from what was recorded, relative to that: another machine may round otherwise, and
/// where it does, steps drift apart, so that the first few tell.
const SAME: f64 = 1e-2;
const COMPARED: u64 = 3;

/// In what a repeated step differs from its record, if that is more than rounding.
fn difference(origin: &Origin, before: &Record, now: &Record) -> Option<ResumeError> {
    let quantities = [("loss", before.loss, now.loss), ("learning rate", before.learning_rate, now.learning_rate)];
    let differs = |(_, before, now): &(&str, f64, f64)| (before - now).abs() > SAME * before.abs();
    let (what, expected, got) = quantities.into_iter().find(differs)?;
    Some(ResumeError::OtherRecords { run: origin.directory.path().to_owned(), step: before.step, what, expected, got })
}

/// Whether the variant can start from the parameters of the run.
fn check_fit(branch: &Branch, data_sets: &mut DataSets) -> Result<(), Error> {
    let mut layouts = |spec| layouts_of(spec, data_sets);
    check_layouts(&branch.spec.origin, &layouts(&branch.origin.spec)?, &layouts(&branch.spec)?)
}

#[expect(clippy::too_many_arguments, reason = "those of `fork`, and what it found")]
fn go_on<T: Element>(
    branch: &Branch,
    (left, is_carried): (ForkPoint, bool),
    place: Place<'_>,
    outputs: Outputs<'_>,
    data_sets: &mut DataSets,
    observe: &mut dyn FnMut(&Record),
    interrupt: &dyn Interrupt,
    tell: &mut dyn FnMut(&str),
) -> Result<Finished, Error> {
    let Branch { origin, spec, at } = branch;
    let prepared = prepare::<T>(spec, data_sets)?;
    check_layouts(&spec.origin, &left.layouts, &prepared.problem.layouts)?;
    let records = left.records.clone();
    let (snapshot, kept) = adapt(branch, left, &prepared)?;
    tell(&kept);
    let mut sources = vec![
        ("forked_from".to_owned(), Value::Text(origin.directory.path().display().to_string())),
        ("forked_at".to_owned(), Value::Integer(*at as i64)),
    ];
    sources.extend(is_carried.then(|| (CARRIED.to_owned(), Value::Flag(true))));
    let (directory, registration) = begin(place, outputs.register, spec, sources, data_sets)?;
    let missing = origin.survey.missing(*at);
    if !missing.is_empty() {
        let (steps, there) = (steps_of(&missing), origin.directory.steps());
        tell(&format!("{}: no records of {steps}; the fork begins without them", there.display()));
    }
    let w = snapshot.w.clone();
    let opening = Opening::Forked(Left { snapshot, records }, origin.directory.clone());
    let save = outputs.save;
    let mut judge = |record: &Record| {
        observe(record);
        None
    };
    let (described, first, is_fresh) = (Described::by(spec), *at, false);
    Session { described, prepared, directory, registration, opening, w, first, is_fresh, save }
        .run(data_sets, &mut judge, interrupt)
}

/// Whether parameters fit a model.
fn check_layouts(origin: &str, old: &[Layout], new: &[Layout]) -> Result<(), Error> {
    let other = |name: &str, shape: fn(&Layout) -> String, expected: Option<&Layout>, got: Option<&Layout>| {
        let text = |layout: Option<&Layout>| layout.map_or("none".to_owned(), shape);
        let (expected, got) = (text(expected), text(got));
        let error =
            CheckpointError::OtherParameters { origin: origin.to_owned(), name: name.to_owned(), expected, got };
        Err(onedge_record::Error::from(error).into())
    };
    for i in 0..old.len().max(new.len()) {
        let (was, is) = (old.get(i), new.get(i));
        if was != is {
            let name = was.or(is).map_or("", |layout| &layout.name);
            return other(name, |layout| format!("`{}` of shape {:?}", layout.name, layout.shape), was, is);
        }
    }
    Ok(())
}

/// The state that the variant begins with, and a sentence on what of the run is in it.
fn adapt<T: Element>(branch: &Branch, left: ForkPoint, prepared: &Prepared<T>) -> Result<(Snapshot<T>, String), Error> {
    let (old, new) = (&branch.origin.spec, &branch.spec);
    let in_spec = onedge_spec::Error::spec(&new.origin);
    let same_data = left.data == of_problem(&prepared.problem);
    // Where data, model or loss differ, losses do not compare.
    let same_problem = same_data && (&old.model, &old.loss) == (&new.model, &new.loss);
    let same_order = same_data && (old.batch, old.drop_last, old.seed) == (new.batch, new.drop_last, new.seed);
    let Snapshot { mut w, method, diagnostics, mut progress } = left.snapshot.convert::<T>();
    let TrainerState { mut trainer, mut optimizer, mut tuner } = method;
    let mut kept = Carried::default();

    let mut fresh = new.build_optimizer::<T>().map_err(&in_spec)?;
    let same = old.optimizer.name == new.optimizer.name && fresh.restore(optimizer.clone()).is_ok();
    kept.add(same, &format!("optimizer {}", new.optimizer.name));
    if !same {
        optimizer = new.build_optimizer::<T>().map_err(&in_spec)?.state();
        if let Some(point) = left.evaluation_point {
            // The answer of the old method; what it kept of its way there belongs to another point.
            w = point.into_iter().map(T::from_f64).collect();
            trainer.vectors.remove("gradient");
        }
    }
    let mut fresh = new.build_tuner().map_err(&in_spec)?;
    let same = old.tuner.name == new.tuner.name && fresh.restore(tuner.clone()).is_ok();
    kept.add(same, &format!("tuner {}", new.tuner.name));
    if !same {
        tuner = new.build_tuner().map_err(&in_spec)?.state();
        trainer.vectors.remove("first");
    }

    let there: Vec<&str> = prepared.instruments.names().collect();
    let mut measured = BTreeMap::new();
    for (name, state) in diagnostics.into_iter().filter(|(name, _)| there.contains(&name.as_str())) {
        kept.add(same_problem, &format!("diagnostic {name}"));
        if same_problem {
            measured.insert(name, state);
        }
    }
    let evaluates = |spec: &Spec| spec.evaluation.count("every") != Ok(0);
    if evaluates(old) && evaluates(new) {
        kept.add(false, "best evaluation");
    }
    if new.batch.is_some() {
        kept.add(same_order, "order of mini-batches");
    }
    if !same_order {
        progress = progress.with_scalar("drawn", 0.0);
    }
    if !same_problem || old.diverge_factor != new.diverge_factor {
        progress.scalars.remove("limit");
    }
    let method = TrainerState { trainer, optimizer, tuner };
    Ok((Snapshot { w, method, diagnostics: measured, progress }, kept.sentence()))
}

/// What goes on and what begins anew.
#[derive(Default)]
struct Carried {
    kept: Vec<String>,
    fresh: Vec<String>,
}

impl Carried {
    fn add(&mut self, kept: bool, what: &str) {
        if kept { self.kept.push(what.to_owned()) } else { self.fresh.push(what.to_owned()) }
    }

    fn sentence(&self) -> String {
        let kept = ["parameters".to_owned()].iter().chain(&self.kept).cloned().collect::<Vec<_>>().join(", ");
        let fresh = if self.fresh.is_empty() { String::new() } else { format!("; new: {}", self.fresh.join(", ")) };
        format!("kept: {kept}{fresh}")
    }
}
