use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use onedge_objective::{Real, State};

use onedge_record::checkpoint::{About, Checkpoint, Checkpoints};
use onedge_record::{Error as RecordError, sync_folder_of};
use onedge_spec::Cadence;
use onedge_train::{Layout, Snapshot, Training};

use crate::Error;
use crate::fingerprint::Fingerprint;

/// A moment between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Another step follows.
    Step,
    /// Another step follows, and somebody asked for a checkpoint before it.
    Asked,
    /// All steps are done.
    Done,
    /// It was interrupted.
    Interrupted,
}

/// Writes the checkpoints of a run as it goes. One that cannot be written is counted, and the run goes on: it has lost
/// nothing yet.
pub(crate) struct Keeper {
    cadence: Cadence,
    checkpoints: Checkpoints,
    layouts: Vec<Layout>,
    spec: String,
    /// Of its data.
    fingerprint: Fingerprint,
    /// When the last one was tried.
    tried: Instant,
    /// The step of the last one that is there.
    last: Option<u64>,
    tally: Tally,
}

/// What became of the checkpoints of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many could not be written.
    pub(crate) failed: u64,
    /// Why the last one could not; `None` if it could.
    pub(crate) error: Option<Error>,
    /// The time that they took.
    pub(crate) time: Duration,
}

impl Keeper {
    /// For a run of the resolved spec `spec`, whose last checkpoint is of the step `last`.
    pub(crate) fn new(
        cadence: Cadence,
        checkpoints: Checkpoints,
        layouts: &[Layout],
        spec: String,
        fingerprint: Fingerprint,
        last: Option<u64>,
    ) -> Self {
        let (layouts, tried) = (layouts.to_vec(), Instant::now());
        Self { cadence, checkpoints, layouts, spec, fingerprint, tried, last, tally: Tally::default() }
    }

    /// Writes a checkpoint if one is due. `records` is what the run knows of its records, `sync` brings the records before it to the disk first; `warn` is told when
    /// writing begins to fail.
    pub(crate) fn pause<T: Real>(
        &mut self,
        training: &Training<'_, T>,
        pause: Pause,
        records: &dyn Fn() -> State<f64>,
        sync: &mut dyn FnMut() -> Result<(), RecordError>,
        warn: &dyn Fn(&str),
    ) {
        let step = training.steps();
        let due = match pause {
            _ if step == 0 || self.last == Some(step) => false,
            Pause::Asked => true,
            _ if self.cadence.is_off() => false,
            Pause::Step => self.cadence.is_due(step, self.tried.elapsed()),
            // So that a run which made checkpoints can be taken further from its end.
            Pause::Done => self.cadence.every > 0 || self.last.is_some(),
            Pause::Interrupted => true,
        };
        if !due {
            return;
        }
        let result = sync().map_err(Error::from).and_then(|()| self.write(training, records()));
        if let Err(error) = &result {
            self.tally.failed += 1;
            if self.tally.error.is_none() {
                warn(&format!("{error} (a checkpoint; the run goes on without)"));
            }
        }
        self.tally.error = result.err();
    }

    /// Writes a checkpoint, and removes those that are then too many.
    pub(crate) fn write<T: Real>(&mut self, training: &Training<'_, T>, records: State<f64>) -> Result<(), Error> {
        let started = Instant::now();
        let step = training.steps();
        let checkpoint = self.checkpoint(step, training.snapshot(), records);
        let folder = self.checkpoints.folder();
        let made = if folder.is_dir() { Ok(()) } else { fs::create_dir(folder).and_then(|()| sync_folder_of(folder)) };
        let written = made
            .map_err(RecordError::write(folder))
            .and_then(|()| checkpoint.write(&self.checkpoints.path(step), &self.layouts));
        if written.is_ok() {
            self.last = Some(step);
            if self.cadence.keep > 0 {
                self.checkpoints.remove_all_but(self.cadence.keep, step);
            }
        }
        self.tried = Instant::now();
        self.tally.time += started.elapsed();
        Ok(written?)
    }

    fn checkpoint<T: Real>(&mut self, step: u64, snapshot: Snapshot<T>, records: State<f64>) -> Checkpoint<T> {
        let data = self.fingerprint.get().to_owned();
        let (spec, version) = (self.spec.clone(), env!("CARGO_PKG_VERSION").to_owned());
        Checkpoint { about: About { step, spec, data, version }, snapshot, records }
    }

    /// Leaves in `path` the state of a run that is at its end after `step` steps, unless the last checkpoint has it or the optimizer keeps
    /// nothing; one of an earlier end goes.
    pub(crate) fn leave_state<T: Real>(
        &mut self,
        path: &Path,
        step: u64,
        snapshot: Snapshot<T>,
        records: State<f64>,
    ) -> Result<(), Error> {
        if self.last == Some(step) || snapshot.method.optimizer.is_empty() {
            // It is of no step that anybody asks for.
            drop(fs::remove_file(path));
            return Ok(());
        }
        Ok(self.checkpoint(step, snapshot, records).write(path, &self.layouts)?)
    }

    /// What became of all.
    pub(crate) fn finish(self) -> Tally {
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use onedge_data::{Dataset, Split, Targets};
    use onedge_spectrum::Lanczos;
    use onedge_train::samples::Bowl;
    use onedge_train::{Diagnostics, Instruments, Last, Look, Plan};
    use onedge_tune::optimizers::Gd;
    use onedge_tune::tuners::Constant;

    use super::*;

    #[test]
    fn records_are_synced_before_a_checkpoint_is_written_and_one_is_not_written_if_that_fails() {
        let root = tempfile::tempdir().unwrap();
        let data = Dataset::from_arrays(&[0.0, 1.0], &[2, 1], Targets::values(&[0.0, 1.0], 1).unwrap()).unwrap();
        let data = Arc::new(Split::new(data, None).unwrap());
        let fingerprint = || Fingerprint::of(Some(Arc::clone(&data)));
        let layouts = [Layout { name: "w".to_owned(), shape: vec![2] }];
        let plan = Plan {
            steps: 4,
            batch: None,
            last: Last::Kept,
            augment: None,
            seed: 0,
            target_loss: None,
            diverge_factor: 1e3,
            record_every: 1,
            diagnostics: Diagnostics {
                sharpness: Look::Every(0),
                hessian: false,
                curvature: false,
                refresh: 1,
                lanczos: Lanczos::top(1, 0),
            },
        };
        let (mut bowl, mut w, mut none) = (Bowl::new([4.0, 1.0], &[0.0]), [1.0, 2.0], Instruments::none());
        let method = (Box::new(Gd) as _, Box::new(Constant::new(0.1).unwrap()) as _);
        let mut training = Training::new(&plan, &mut bowl, &mut w, method, &mut none).unwrap();
        training.advance();
        let (cadence, folder) = (Cadence { every: 1, minutes: 0.0, keep: 1 }, Checkpoints::in_folder(root.path()));
        let mut keeper = Keeper::new(cadence, folder, &layouts, String::new(), fingerprint(), None);
        let file = root.path().join("1.safetensors");
        let mut fail = || Err(RecordError::Gone(root.path().to_owned()));
        keeper.pause(&training, Pause::Step, &State::new, &mut fail, &|_| {});
        assert!(!file.exists(), "a checkpoint whose records may be lost");
        let mut synced = false;
        let mut sync = || {
            assert!(!file.exists(), "the checkpoint came first");
            synced = true;
            Ok(())
        };
        keeper.pause(&training, Pause::Step, &State::new, &mut sync, &|_| {});
        assert!(synced && file.is_file());
        assert_eq!(keeper.finish().failed, 1);
        // Asked for, one is written where none is by itself.
        fs::remove_file(&file).unwrap();
        let off = Cadence { every: 0, minutes: 0.0, keep: 1 };
        let mut keeper =
            Keeper::new(off, Checkpoints::in_folder(root.path()), &layouts, String::new(), fingerprint(), None);
        keeper.pause(&training, Pause::Interrupted, &State::new, &mut || Ok(()), &|_| {});
        assert!(!file.exists());
        keeper.pause(&training, Pause::Asked, &State::new, &mut || Ok(()), &|_| {});
        assert!(file.is_file());
    }
}
