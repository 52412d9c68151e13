use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use onedge_objective::{Error as ObjectiveError, State};
use onedge_record::checkpoint::{Checkpoint, Checkpoints};
use onedge_record::{Record, Register, Resumption, RunDirectory, StepWriter, StopReason, Summary, params, write_whole};
use onedge_registry::Value;
use onedge_spec::{CONTENT, Cadence, Spec};
use onedge_train::{Advance, Element, Evidence, Outcome, Prepared, Recorder, Snapshot, Training, Watch, Workload};

use crate::fingerprint::Fingerprint;
use crate::keeper::{Keeper, Pause, Tally};
use crate::meaning::Learned;
use crate::origin::place_of_data;
use crate::recorded::Recorded;
use crate::registration::Registration;
use crate::{DataSets, Error, Finished, Interrupt, Onward, Place, ResumeError, file_name, meaning};

/// A run that is ready to train: what all runs have in common from here on, however they began.
pub(crate) struct Session<'a, T: Element> {
    pub(crate) described: Described,
    pub(crate) prepared: Prepared<T>,
    pub(crate) directory: RunDirectory,
    pub(crate) registration: Registration<'a>,
    pub(crate) opening: Opening<T>,
    /// The parameters to start from; a snapshot has its own.
    pub(crate) w: Vec<T>,
    /// The first step that is this run's own; a fork has records of the steps before.
    pub(crate) first: u64,
    /// Whether it began with random parameters.
    pub(crate) is_fresh: bool,
    /// Where to write the parameters at the end, besides the folder.
    pub(crate) save: Option<&'a Path>,
}

/// So often it is looked whether the folder is still there, while no record is kept.
const LOOK: Duration = Duration::from_secs(1);

/// Where files are, by dotted key: absolute places, and such as seen from the folder of a run.
pub(crate) type Moved = BTreeMap<String, Vec<PathBuf>>;

impl<T> Left<T> {
    /// Where a checkpoint has it.
    pub(crate) fn of(checkpoint: Checkpoint<T>) -> Self {
        let Checkpoint { snapshot, records, .. } = checkpoint;
        Self { snapshot, records }
    }
}

/// What a run is, for those who read what it leaves.
pub(crate) struct Described {
    pub(crate) name: String,
    /// The name of the data set.
    pub(crate) data: String,
    /// All settings, as TOML.
    pub(crate) settings: String,
    pub(crate) checkpoints: Cadence,
}

impl Described {
    pub(crate) fn by(spec: &Spec) -> Self {
        Self {
            name: spec.name.clone(),
            data: spec.data.name.clone(),
            settings: spec.settings_to_toml(),
            checkpoints: spec.checkpoints,
        }
    }
}

/// How a run begins or goes on.
pub(crate) enum Opening<T> {
    /// In a new folder, from the parameters.
    New,
    /// In a new folder, from the middle of the run in another one.
    Forked(Left<T>, RunDirectory),
    /// In its own folder: from its last checkpoint, or from the parameters if it has none; with files of its data that are
    /// elsewhere by now.
    Resumed(Option<Left<T>>, Moved),
}

/// A run between two of its steps.
pub(crate) struct Left<T> {
    pub(crate) snapshot: Snapshot<T>,
    /// What it knew of its records ([`Recorded`]); nothing where a version left it that did not keep that.
    pub(crate) records: State<f64>,
}

impl<T: Element> Session<'_, T> {
    /// Trains, and leaves everything in the folder. `judge` sees every record, and ends the run where it gives a reason to.
    ///
    /// # Errors
    /// A snapshot that does not fit, before anything is written; a folder that cannot be written to, before training;
    /// [`Error::Incomplete`], after it, if a file could not be written. Then everything else is there, unless the folder is
    /// [`Gone`](onedge_record::Error::Gone): then the run has failed, and writes nothing more to where it was.
    pub(crate) fn run(
        self,
        data_sets: &mut DataSets,
        judge: &mut dyn FnMut(&Record) -> Option<StopReason>,
        interrupt: &dyn Interrupt,
    ) -> Result<Finished, Error> {
        let mut watch = |record: &Record, _: &[T]| judge(record);
        match self.run_keeping(data_sets, &mut watch, interrupt) {
            Ok((mut finished, ..)) => {
                let records = RunDirectory::at(&finished.folder).read_thinned().map(|steps| steps.records);
                match records {
                    Ok(records) => finished.records = records,
                    Err(error) => {
                        let (finished, source) = (Box::new(finished), Box::new(error.into()));
                        return Err(Error::Incomplete { finished, source });
                    }
                }
                Ok(finished)
            }
            Err(Error::Incomplete { mut finished, source }) => {
                // The first error is the one that counts.
                let records = RunDirectory::at(&finished.folder).read_thinned();
                finished.records = records.map(|steps| steps.records).unwrap_or_default();
                Err(Error::Incomplete { finished, source })
            }
            Err(error) => Err(error),
        }
    }

    /// The same, with the parameters shown to `watch`, which gives back them at the end and how training ended, too. Records are in the folder alone.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub(crate) fn run_keeping(
        self,
        data_sets: &mut DataSets,
        watch: &mut Watch<'_, T>,
        interrupt: &dyn Interrupt,
    ) -> Result<(Finished, Vec<T>, Outcome), Error> {
        let Self { described, prepared, directory, mut registration, opening, mut w, first: own, is_fresh, save } =
            self;
        let Prepared { plan, mut problem, method, mut instruments, mut evaluator } = prepared;
        let mut training = Training::new(&plan, &mut *problem.train, &mut w, method, &mut instruments)?;
        if let (Some(evaluator), Some(test)) = (&mut evaluator, problem.test.as_deref_mut()) {
            training = training.with_evaluation(evaluator, test);
        }
        let (layouts, data) = (&problem.layouts, problem.data.take());
        data.as_ref().map(|data| meaning::leave(&directory, &described.data, data)).transpose()?;
        let about = data.as_ref().map(|data| Learned::metadata(data)).unwrap_or_default();
        let mut fingerprint = Fingerprint::of(data);
        if data_sets.place().is_some() {
            // The examples lie elsewhere by now.
            fingerprint.get();
            data_sets.let_go();
        }
        let keeper = |last| {
            let checkpoints = Checkpoints::in_folder(&directory.checkpoints());
            Keeper::new(described.checkpoints, checkpoints, layouts, described.settings.clone(), fingerprint, last)
        };
        let recorder = Recorder::new(&plan, own);
        let (mut keeper, mut recorded, mut writer) = match opening {
            Opening::New => (keeper(None), Recorded::new(recorder, own), StepWriter::create(&directory.steps())?),
            Opening::Forked(Left { snapshot, records }, from) => {
                training.restore(snapshot)?;
                let copied = from.copy_steps(&directory, own)?;
                let recorded = match records.is_empty() {
                    false => Recorded::forked(records, recorder, own, copied)?,
                    true => Recorded::of(&directory, recorder, own)?,
                };
                let mut keeper = keeper(None);
                keeper.write(&training, recorded.state())?;
                (keeper, recorded, StepWriter::at_end(&directory.steps())?)
            }
            Opening::Resumed(left, files) => {
                let (snapshot, records) = left.map(|left| (left.snapshot, left.records)).unzip();
                let known = records.filter(|state| !state.is_empty());
                let known = known.map(|state| Recorded::of_state(state, recorder.clone(), own)).transpose()?;
                let last =
                    snapshot.map(|snapshot| training.restore(snapshot).map(|()| training.steps())).transpose()?;
                directory.remove_parts();
                directory.set_summary_aside(training.steps())?;
                directory.add_resumption(&Resumption { files, ..Resumption::here(training.steps(), plan.steps) })?;
                let reached = known.as_ref().map_or(training.steps(), |recorded| recorded.kept().reached);
                let there = directory.cut_back(reached)?;
                let writer = StepWriter::at_end(&directory.steps())?;
                let mut recorded = match known {
                    Some(recorded) => recorded,
                    None => Recorded::of(&directory, recorder, own)?,
                };
                recorded.found(there);
                (keeper(last), recorded, writer)
            }
        };
        let warn = |sentence: &str| data_sets.warn(sentence);
        registration.enter(&warn);
        let mut lost = FirstError::default();
        let first = training.steps();
        let (mut asked, mut looked) = (interrupt.checkpoints_asked(), Instant::now());
        let mut stop = loop {
            let step = training.steps();
            let asked_before = std::mem::replace(&mut asked, interrupt.checkpoints_asked());
            let pause = match (training.is_done(), interrupt.is_set() || registration.is_to_stop()) {
                (true, _) => Some(Pause::Done),
                (false, true) => Some(Pause::Interrupted),
                (false, false) if asked > asked_before => Some(Pause::Asked),
                (false, false) => (step > first).then_some(Pause::Step),
            };
            if let Some(pause) = pause {
                keeper.pause(&training, pause, &|| recorded.state(), &mut || writer.sync(), &warn);
            }
            if pause == Some(Pause::Interrupted) {
                break StopReason::Interrupted { step };
            }
            let (record, end) = match training.advance() {
                Advance::Step(record) => (Some(record), None),
                Advance::Stop { reason, record } => (record, Some(reason)),
            };
            let mut own = None;
            if let Some(record) = record {
                let written = match recorded.see(&record) {
                    true => writer.append(&record),
                    false if looked.elapsed() < LOOK => Ok(()),
                    false => {
                        looked = Instant::now();
                        writer.require_there()
                    }
                };
                // What is shown has been written, if it is kept.
                own = watch(&record, training.parameters());
                if let Err(error) = written {
                    own = Some(StopReason::Failed { step, error: error.to_string() });
                    lost.keep(Err::<(), _>(error.into()));
                }
            }
            if let Some(reason) = own.or(end) {
                break reason;
            }
        };
        if let (Some(record), None) = (recorded.held(), &lost.0)
            && let Err(error) = writer.append(record)
        {
            stop = StopReason::Failed { step: training.steps(), error: error.to_string() };
            lost.keep(Err::<(), _>(error.into()));
        }
        let (snapshot, averages) = (training.snapshot(), training.evaluation_point().is_some());
        let is_broken = training.is_broken();
        let mut outcome = training.finish(stop)?;

        let there = writer.require_there().map_err(Error::from);
        if let (Err(error), false) = (&there, matches!(outcome.stop, StopReason::Failed { .. })) {
            outcome.stop = StopReason::Failed { step: outcome.steps, error: error.to_string() };
        }
        let there = lost.keep(there).is_some();
        if let Some(path) = save {
            lost.keep(params::save(path, layouts, &w, &about).map_err(Error::from));
        }
        if there {
            lost.keep(params::save(&directory.params(), layouts, &w, &about).map_err(Error::from));
        }
        let state = if there && !is_broken {
            keeper.leave_state(&directory.state(), outcome.steps, snapshot, recorded.state())
        } else {
            Ok(())
        };
        let train_means = lost.keep(means(&mut *problem.train, &w)).unwrap_or_default();
        let test_means = problem.test.as_deref_mut().and_then(|test| lost.keep(means(test, &w))).unwrap_or_default();
        if let Some(evaluator) = &mut evaluator {
            // The end of a run may be its best point.
            evaluator.observe(outcome.steps, &test_means, &w);
            outcome.best = evaluator.best();
            if let (true, Some(best)) = (there, evaluator.best_parameters()) {
                lost.keep(params::save(&directory.best(), layouts, best, &about).map_err(Error::from));
            }
        }
        let edge = outcome.edge;
        let mut tally = keeper.finish();
        let means = (train_means, test_means);
        let mut summary = summarise(&described.name, outcome.clone(), &recorded, w.len(), means, &tally);
        if averages {
            // Recorded are the losses where gradients are taken; runs are compared by what is kept.
            summary.final_loss = problem.train.loss(&w).ok().filter(|loss| loss.is_finite());
        }
        if let Some(course) = recorded.course() {
            summary.findings = problem.judge(Evidence {
                course,
                stop: &summary.stop,
                events: &outcome.events,
                counted_over: outcome.steps,
                is_full_batch: plan.batch.is_none(),
                is_fresh,
                classes: None,
                train: &summary.train,
            });
        }
        summary.findings.extend(outcome.left_out.iter().cloned());
        if there {
            lost.keep(directory.write_summary(&summary).map_err(Error::from));
        }
        lost.keep(tally.error.take().map_or(Ok(()), Err));
        lost.keep(state);
        registration.end(&warn);
        let finished = Finished { folder: directory.path().to_owned(), summary, records: Vec::new(), edge };
        match lost.0 {
            None => Ok((finished, w, outcome)),
            Some(source) => Err(Error::Incomplete { finished: Box::new(finished), source: Box::new(source) }),
        }
    }
}

/// Makes the folder of a run, locks it and leaves the spec in it, with more to tell of where the run and its data came from.
pub(crate) fn begin<'a>(
    place: Place<'_>,
    register: Option<&'a dyn Register>,
    spec: &Spec,
    mut sources: Vec<(String, Value)>,
    data_sets: &mut DataSets,
) -> Result<(RunDirectory, Registration<'a>), Error> {
    let content = data_sets.content(spec)?;
    if spec.content.as_ref().is_some_and(|known| *known != content) {
        return Err(ResumeError::OtherData {
            origin: spec.origin.clone(),
            place: place_of_data(spec),
            onward: Onward::Anew,
        }
        .into());
    }
    let directory = match place {
        Place::At(path) => RunDirectory::create(path)?,
        Place::Under(root) => RunDirectory::create_numbered(root, &file_name(&spec.name))?,
    };
    let registration = Registration::begin(register, directory.path(), &|warning| data_sets.warn(warning))?;
    sources.extend(of_its_data(spec, directory.path(), data_sets)?);
    sources.extend(registration.provenance());
    write_whole(&directory.spec(), spec.to_toml_from(&sources).as_bytes())?;
    Ok((directory, registration))
}

/// What the spec of the run in `folder` says of its data: what they hold, and where their files are.
///
/// # Errors
/// Data that cannot be read.
pub(crate) fn of_its_data(spec: &Spec, folder: &Path, data_sets: &mut DataSets) -> Result<Vec<(String, Value)>, Error> {
    let mut sources = vec![(CONTENT.to_owned(), Value::Text(data_sets.content(spec)?))];
    for file in &spec.files {
        if let Some(there) = file.find()? {
            sources.extend(file.note(there, folder));
        }
    }
    Ok(sources)
}

/// What went wrong first, while everything else is still tried.
#[derive(Default)]
struct FirstError(Option<Error>);

impl FirstError {
    fn keep<V>(&mut self, result: Result<V, Error>) -> Option<V> {
        result.map_err(|error| self.0.get_or_insert(error)).ok()
    }
}

/// Means over all examples; none where the parameters have run away.
fn means<T: Element>(workload: &mut dyn Workload<T>, w: &[T]) -> Result<BTreeMap<String, f64>, Error> {
    match workload.metrics(w) {
        Ok(means) => Ok(means),
        Err(ObjectiveError::NonFinite { .. } | ObjectiveError::Interrupted) => Ok(BTreeMap::new()),
        Err(error) => Err(error.into()),
    }
}

fn summarise(
    name: &str,
    outcome: Outcome,
    recorded: &Recorded,
    parameters: usize,
    (train, test): (BTreeMap<String, f64>, BTreeMap<String, f64>),
    checkpoints: &Tally,
) -> Summary {
    Summary {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        stop: outcome.stop,
        ended: Some(humantime::format_rfc3339_seconds(SystemTime::now()).to_string()),
        steps: outcome.steps,
        parameters: parameters as u64,
        seconds: outcome.seconds,
        spectrum_seconds: outcome.diagnostics_seconds,
        checkpoint_seconds: checkpoints.time.as_secs_f64(),
        checkpoints_failed: checkpoints.failed,
        cost: outcome.cost,
        first_loss: recorded.first_loss(),
        final_loss: recorded.final_loss(),
        best_loss: recorded.best_loss(),
        best: outcome.best,
        events: outcome.events.into_iter().collect(),
        findings: Vec::new(),
        train,
        test,
    }
}
