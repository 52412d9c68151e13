use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use onedge_objective::Real;
use onedge_registry::Value;
use onedge_tune::TrainerState;

use crate::Error;
use crate::checkpoint::Fault;
use crate::params::Layout;
use crate::records::{Record, RunDirectory, StopReason, check_writable};
use crate::run::execute::{Besides, Prepared, begin, prepare};
use crate::run::origin::Origin;
use crate::run::resume::state_at;
use crate::run::session::{Opening, Session};
use crate::run::{Element, Finished, Hooks, Library, Pause, Place, Plan, Problem, Snapshot, Training};
use crate::spec::{Precision, Spec};

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
    /// [`Error::NoRun`]; [`Error::Option`] for a step that the run has not reached, or after which none is to follow; what is wrong with the changes.
    pub fn open(path: &Path, at: u64, changes: &[String]) -> Result<Self, Error> {
        let origin = Origin::read(path)?;
        let option = |option, expected, got: u64| Error::Option { option, expected, got: got.to_string() };
        let (reached, run) = (origin.records.len() as u64, path.display());
        if reached == 0 {
            let (expected, got) = ("a run that has taken steps".to_owned(), format!("{run}, which has taken none"));
            return Err(Error::Option { option: "--at", expected, got });
        }
        if at == 0 || at > reached {
            let expected = format!("a step from 1 to {reached}, the steps that {run} has taken");
            return Err(option("--at", expected, at));
        }
        let mut document = origin.document.clone();
        document.set(&format!("name={} from {at}", origin.spec.name))?;
        document.set(&format!("steps={}", origin.spec.steps))?;
        changes.iter().try_for_each(|change| document.set(change))?;
        let spec = Spec::resolve(&document)?;
        if spec.steps <= at && spec.steps == origin.spec.steps {
            let expected =
                format!("fewer than {at}, the steps of {run}, or `--set steps=N` beside it with N above {at}");
            return Err(option("--at", expected, at));
        }
        if spec.steps <= at {
            return Err(option("--set steps", format!("more than {at}, where the fork begins"), spec.steps));
        }
        Ok(Self { origin, spec, at })
    }

    /// What is to be done.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Whether data, model or loss differ from those of the run: its losses then do not compare.
    fn changes_problem(&self) -> bool {
        let (old, new) = (&self.origin.spec, &self.spec);
        (&old.data, &old.model, &old.loss) != (&new.data, &new.model, &new.loss)
    }

    /// Whether the mini-batches go on as they were.
    fn keeps_order(&self) -> bool {
        let (old, new) = (&self.origin.spec, &self.spec);
        (&old.data, old.batch, old.drop_last, old.seed) == (&new.data, new.batch, new.drop_last, new.seed)
    }
}

/// Does the variant in a new folder, whose records begin with those of the run. What still fits goes on as it was:
/// parameters always, the optimizer's and the tuner's state if their names are the same. Where there is no checkpoint of
/// the step, the run is repeated from the one before, with its own settings. `tell` gets a sentence on what was kept.
///
/// # Errors
/// [`Fault`]: checkpoints that cannot be used, a run whose settings or data have changed since, a model whose parameters
/// are others. Beyond that as [`execute`](super::execute).
pub fn fork(
    branch: &Branch,
    place: Place<'_>,
    besides: Besides<'_>,
    library: &mut Library,
    observe: &mut dyn FnMut(&Record),
    interrupt: &AtomicBool,
    tell: &mut dyn FnMut(&str),
) -> Result<Finished, Error> {
    // What is wrong is better said before steps are repeated.
    check_fit(branch, library)?;
    if let Place::At(path) = place {
        RunDirectory::require_free(path)?;
    }
    besides.save.map(check_writable).transpose()?;
    let left = match branch.origin.spec.precision {
        Precision::F32 => leave::<f32>(branch, library, interrupt, tell)?,
        Precision::F64 => leave::<f64>(branch, library, interrupt, tell)?,
    };
    match branch.spec.precision {
        Precision::F32 => go_on::<f32>(branch, left, place, besides, library, observe, interrupt, tell),
        Precision::F64 => go_on::<f64>(branch, left, place, besides, library, observe, interrupt, tell),
    }
}

/// The run at the step where it is left.
struct LeftAt {
    snapshot: Snapshot<f64>,
    /// The parameters to evaluate, where they are others.
    evaluation_point: Option<Vec<f64>>,
    layouts: Vec<Layout>,
}

/// Takes the run to the step: from a checkpoint, with its own settings.
fn leave<T: Element>(
    branch: &Branch,
    library: &mut Library,
    interrupt: &AtomicBool,
    tell: &mut dyn FnMut(&str),
) -> Result<LeftAt, Error> {
    let Branch { origin, at, .. } = branch;
    let prepared = prepare::<T>(&origin.spec, library)?;
    let (checkpoint, mut w) = state_at(origin, *at, &prepared, tell)?;
    let Prepared { plan, mut problem, method, mut instruments } = prepared;
    let plan = Plan { steps: *at, ..plan };
    let mut training = Training::new(&plan, &mut *problem.train, &mut w, method, &mut instruments)?;
    checkpoint.map(|checkpoint| training.restore(checkpoint.snapshot)).transpose()?;
    if training.steps() < *at {
        tell(&format!("no checkpoint at step {at}: repeats the run from step {}", training.steps()));
    }
    let (mut left, mut other, first) = (None, None, training.steps());
    let mut compare = |record: &Record| {
        let before = origin.records.get(record.step as usize).filter(|_| record.step < first + COMPARED);
        other = before.and_then(|before| difference(origin, before, record));
        let failed = || StopReason::Failed { step: record.step, error: "another run".to_owned() };
        other.as_ref().map_or(Ok(()), |_| Err(failed()))
    };
    let hooks = Hooks { record: &mut compare, interrupt };
    let outcome = training.run(hooks, &mut |training, pause| {
        if pause == Pause::Done {
            left = Some((training.snapshot(), training.evaluation_point().map(<[T]>::to_vec)));
        }
    })?;
    if let Some(fault) = other {
        return Err(fault.into());
    }
    let run = origin.directory.path().display();
    match (left, outcome.stop) {
        (Some((snapshot, point)), _) => {
            let evaluation_point = point.map(|point| point.into_iter().map(T::to_f64).collect());
            Ok(LeftAt { snapshot: snapshot.convert(), evaluation_point, layouts: problem.layouts })
        }
        (None, StopReason::Interrupted { .. }) => Err(Fault::Interrupted { what: run.to_string() }.into()),
        (None, stop) => Err(Fault::Ended { run: origin.directory.path().to_owned(), stop }.into()),
    }
}

/// How far a repeated step may be from what was recorded, relative to that: another machine may round otherwise, and
/// where it does, steps drift apart, so that the first few tell.
const SAME: f64 = 1e-2;
const COMPARED: u64 = 3;

/// In what a repeated step differs from its record, if that is more than rounding.
fn difference(origin: &Origin, before: &Record, now: &Record) -> Option<Fault> {
    let quantities = [("loss", before.loss, now.loss), ("learning rate", before.learning_rate, now.learning_rate)];
    let differs = |(_, before, now): &(&str, f64, f64)| (before - now).abs() > SAME * before.abs();
    let (what, expected, got) = quantities.into_iter().find(differs)?;
    Some(Fault::OtherRecords { run: origin.directory.path().to_owned(), step: before.step, what, expected, got })
}

/// Whether the variant can start from the parameters of the run.
fn check_fit(branch: &Branch, library: &mut Library) -> Result<(), Error> {
    let mut layouts = |spec| Problem::<f32>::build(spec, library).map(|problem| problem.layouts);
    check_layouts(&branch.spec.origin, &layouts(&branch.origin.spec)?, &layouts(&branch.spec)?)
}

#[expect(clippy::too_many_arguments, reason = "those of `fork`, and what it found")]
fn go_on<T: Element>(
    branch: &Branch,
    left: LeftAt,
    place: Place<'_>,
    besides: Besides<'_>,
    library: &mut Library,
    observe: &mut dyn FnMut(&Record),
    interrupt: &AtomicBool,
    tell: &mut dyn FnMut(&str),
) -> Result<Finished, Error> {
    let Branch { origin, spec, at } = branch;
    let prepared = prepare::<T>(spec, library)?;
    check_layouts(&spec.origin, &left.layouts, &prepared.problem.layouts)?;
    let (snapshot, kept) = adapt(branch, left, &prepared)?;
    tell(&kept);
    let sources = vec![
        ("forked_from", Value::Text(origin.directory.path().display().to_string())),
        ("forked_at", Value::Integer(*at as i64)),
    ];
    let (directory, registration) = begin(place, besides.store, spec, sources, library)?;
    let records = origin.records[..*at as usize].to_vec();
    let (w, opening) = (snapshot.w.clone(), Opening::Forked(snapshot));
    let save = besides.save;
    let mut judge = |record: &Record| {
        observe(record);
        None
    };
    Session { spec, prepared, directory, registration, opening, w, records, save }.run(library, &mut judge, interrupt)
}

/// Whether parameters fit a model.
fn check_layouts(origin: &str, old: &[Layout], new: &[Layout]) -> Result<(), Error> {
    let other = |name: &str, shape: fn(&Layout) -> String, expected: Option<&Layout>, got: Option<&Layout>| {
        let text = |layout: Option<&Layout>| layout.map_or("none".to_owned(), shape);
        let (expected, got) = (text(expected), text(got));
        Err(Fault::OtherParameters { origin: origin.to_owned(), name: name.to_owned(), expected, got }.into())
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
fn adapt<T: Element>(branch: &Branch, left: LeftAt, prepared: &Prepared<T>) -> Result<(Snapshot<T>, String), Error> {
    let (old, new) = (&branch.origin.spec, &branch.spec);
    let in_spec = Error::spec(&new.origin);
    let Snapshot { mut w, method, diagnostics, mut progress } = left.snapshot.convert::<T>();
    let TrainerState { mut trainer, mut optimizer, mut tuner } = method;
    let mut kept = Kept::default();

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
        kept.add(!branch.changes_problem(), &format!("diagnostic {name}"));
        if !branch.changes_problem() {
            measured.insert(name, state);
        }
    }
    if new.batch.is_some() {
        kept.add(branch.keeps_order(), "order of mini-batches");
    }
    if !branch.keeps_order() {
        progress = progress.with_scalar("drawn", 0.0);
    }
    if branch.changes_problem() || old.diverge_factor != new.diverge_factor {
        progress.scalars.remove("limit");
    }
    let method = TrainerState { trainer, optimizer, tuner };
    Ok((Snapshot { w, method, diagnostics: measured, progress }, kept.sentence()))
}

/// What goes on and what begins anew.
#[derive(Default)]
struct Kept {
    kept: Vec<String>,
    fresh: Vec<String>,
}

impl Kept {
    fn add(&mut self, kept: bool, what: &str) {
        if kept { self.kept.push(what.to_owned()) } else { self.fresh.push(what.to_owned()) }
    }

    fn sentence(&self) -> String {
        let kept = ["parameters".to_owned()].iter().chain(&self.kept).cloned().collect::<Vec<_>>().join(", ");
        let fresh = if self.fresh.is_empty() { String::new() } else { format!("; new: {}", self.fresh.join(", ")) };
        format!("kept: {kept}{fresh}")
    }
}

impl<T: Real> Snapshot<T> {
    /// The same in another precision, which rounds where that is the lower one.
    fn convert<U: Real>(self) -> Snapshot<U> {
        let TrainerState { trainer, optimizer, tuner } = self.method;
        Snapshot {
            w: self.w.into_iter().map(|w| U::from_f64(w.to_f64())).collect(),
            method: TrainerState { trainer: trainer.convert(), optimizer: optimizer.convert(), tuner },
            diagnostics: self.diagnostics.into_iter().map(|(name, state)| (name, state.convert())).collect(),
            progress: self.progress,
        }
    }
}
