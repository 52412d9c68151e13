use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use onedge_objective::Error as ObjectiveError;

use crate::Error;
use crate::checkpoint::{Checkpoints, Keeper, Kept};
use crate::params;
use crate::records::{
    Record, Resumption, RunDirectory, StepWriter, StopReason, Summary, final_loss, lines, write_whole,
};
use crate::run::execute::Prepared;
use crate::run::{Element, Finished, Hooks, Library, Outcome, Snapshot, Training, Workload};
use crate::spec::Spec;
use crate::store::Registration;

/// A run that is ready to train: what all runs have in common from here on, however they began.
pub(super) struct Session<'a, T: Element> {
    pub(super) spec: &'a Spec,
    pub(super) prepared: Prepared<T>,
    pub(super) directory: RunDirectory,
    pub(super) registration: Registration<'a>,
    pub(super) opening: Opening<T>,
    /// The parameters to start from; a snapshot has its own.
    pub(super) w: Vec<T>,
    /// What was recorded before.
    pub(super) records: Vec<Record>,
    /// Where to write the parameters at the end, besides the folder.
    pub(super) save: Option<&'a Path>,
}

/// How a run begins or goes on.
pub(super) enum Opening<T> {
    /// In a new folder, from the parameters.
    New,
    /// In a new folder, from the middle of another run.
    Forked(Snapshot<T>),
    /// In its own folder: from its last checkpoint, or from the parameters if it has none.
    Resumed(Option<Snapshot<T>>),
}

impl<T: Element> Session<'_, T> {
    /// Trains, and leaves everything in the folder. `judge` sees every record, and ends the run where it gives a reason to.
    ///
    /// # Errors
    /// A snapshot that does not fit, before anything is written; a folder that cannot be written to, before training;
    /// [`Error::Incomplete`], after it, if a file could not be written. Then everything else is there, unless the folder is
    /// [`Gone`](Error::Gone): then the run has failed, and writes nothing more to where it was.
    pub(super) fn run(
        self,
        library: &Library,
        judge: &mut dyn FnMut(&Record) -> Option<StopReason>,
        interrupt: &AtomicBool,
    ) -> Result<Finished, Error> {
        let Self { spec, prepared, directory, registration, opening, mut w, mut records, save } = self;
        let Prepared { plan, mut problem, method, mut instruments } = prepared;
        let mut training = Training::new(&plan, &mut *problem.train, &mut w, method, &mut instruments)?;
        let (layouts, data) = (&problem.layouts, &problem.data);
        let keeper = |last| {
            let (checkpoints, spec) = (Checkpoints::in_folder(&directory.checkpoints()), spec.settings_to_toml());
            Keeper::new(plan.checkpoints, checkpoints, layouts, spec, data, last)
        };
        let (mut keeper, writer) = match opening {
            Opening::New => (keeper(None), StepWriter::create(&directory.steps())?),
            Opening::Forked(snapshot) => {
                training.restore(snapshot)?;
                let mut keeper = keeper(None);
                keeper.write(&training)?;
                let path = directory.steps();
                write_whole(&path, &lines(&records).map_err(Error::write(&path))?)?;
                (keeper, StepWriter::at_end(&path)?)
            }
            Opening::Resumed(snapshot) => {
                let keeper = keeper(snapshot.as_ref().map(|_| records.len() as u64));
                snapshot.map(|snapshot| training.restore(snapshot)).transpose()?;
                directory.remove_parts();
                directory.set_summary_aside(training.steps())?;
                directory.add_resumption(&Resumption::here(training.steps(), plan.steps))?;
                (keeper, StepWriter::at_end(&directory.steps())?)
            }
        };
        let warn = |sentence: &str| library.warn(sentence);
        registration.enter(&warn);
        let mut lost = FirstError::default();
        let writer = RefCell::new(writer);
        let mut keep = |record: &Record| {
            let written = writer.borrow_mut().append(record).map_err(|error| {
                let reason = StopReason::Failed { step: record.step, error: error.to_string() };
                lost.keep(Err::<(), _>(error));
                reason
            });
            // What is shown has been written.
            let verdict = judge(record);
            records.push(record.clone());
            written?;
            verdict.map_or(Ok(()), Err)
        };
        let hooks = Hooks { record: &mut keep, interrupt };
        let mut outcome = training.run(hooks, &mut |training, pause| {
            keeper.pause(training, pause, &mut || writer.borrow().sync(), &warn);
        })?;

        let there = writer.borrow().require_there();
        if let (Err(error), false) = (&there, matches!(outcome.stop, StopReason::Failed { .. })) {
            outcome.stop = StopReason::Failed { step: outcome.steps, error: error.to_string() };
        }
        let there = lost.keep(there).is_some();
        if let Some(path) = save {
            lost.keep(params::save(path, layouts, &w));
        }
        if there {
            lost.keep(params::save(&directory.params(), layouts, &w));
        }
        let train_means = lost.keep(means(&mut *problem.train, &w)).unwrap_or_default();
        let test_means = problem.test.as_deref_mut().and_then(|test| lost.keep(means(test, &w))).unwrap_or_default();
        let edge = outcome.edge;
        let mut kept = keeper.finish();
        let summary = summarise(spec, outcome, &records, w.len(), (train_means, test_means), &kept);
        if there {
            lost.keep(directory.write_summary(&summary));
        }
        lost.keep(kept.error.take().map_or(Ok(()), Err));
        registration.end(&warn);
        let finished = Finished { folder: directory.path().to_owned(), summary, records, edge };
        match lost.0 {
            None => Ok(finished),
            Some(source) => Err(Error::Incomplete { finished: Box::new(finished), source: Box::new(source) }),
        }
    }
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
        Err(ObjectiveError::NonFinite { .. }) => Ok(BTreeMap::new()),
        Err(error) => Err(error.into()),
    }
}

fn summarise(
    spec: &Spec,
    outcome: Outcome,
    records: &[Record],
    parameters: usize,
    (train, test): (BTreeMap<String, f64>, BTreeMap<String, f64>),
    checkpoints: &Kept,
) -> Summary {
    let losses: Vec<f64> = records.iter().map(|record| record.loss).collect();
    Summary {
        name: spec.name.clone(),
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
        first_loss: losses.first().copied(),
        final_loss: final_loss(&losses),
        best_loss: losses.iter().copied().reduce(f64::min),
        events: outcome.events.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        train,
        test,
    }
}
