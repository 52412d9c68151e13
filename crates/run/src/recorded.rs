use onedge_objective::State;
use onedge_record::{Error as RecordError, Record, RunDirectory, final_loss};
use onedge_train::{Course, Error as TrainError, Recorder};

use crate::Error;

/// A final loss is the mean of so many.
const LAST: usize = 5;

/// What a run needs to know of its records while it goes on, and at its end. Memory does not grow with the steps: the records
/// are in its folder. Checkpoints hold all of this, as of steps whose record is not kept nothing else tells.
pub(crate) struct Recorded {
    /// Which records are kept.
    recorder: Recorder,
    course: Course,
    /// The first step that is the run's own; a fork has records of the steps before.
    own: u64,
    /// The step after the last one seen, and whether none of its own was left out so far.
    next: u64,
    is_whole: bool,
    first: Option<f64>,
    best: Option<f64>,
    last: Vec<f64>,
    kept: Kept,
}

/// What of the records of a run is in its folder, the one apart that is held to the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// How many there are.
    pub(crate) records: u64,
    /// The step after the last of them.
    pub(crate) reached: u64,
}

impl Kept {
    /// What the state of a [`Recorded`] says; `None` in the checkpoint of a version that kept none.
    pub(crate) fn of_state(state: &State<f64>) -> Option<Self> {
        let count = |name: &str| state.scalars.get(name).map(|count| *count as u64);
        Some(Self { records: count("records")?, reached: count("reached")? })
    }
}

impl Recorded {
    /// Of a run whose first own step is `own`, before any.
    pub(crate) fn new(recorder: Recorder, own: u64) -> Self {
        let (course, last, kept) = (Course::default(), Vec::with_capacity(LAST + 1), Kept::default());
        Self { recorder, course, own, next: 0, is_whole: true, first: None, best: None, last, kept }
    }

    /// The same after all that is recorded in a folder, for a run that has no [state](Self::state) of it.
    ///
    /// # Errors
    /// [`Read`](RecordError::Read), [`Record`](RecordError::Record).
    pub(crate) fn of(directory: &RunDirectory, recorder: Recorder, own: u64) -> Result<Self, RecordError> {
        let mut recorded = Self::new(recorder, own);
        directory.each_step(&mut |record| {
            recorded.note(&record);
            recorded.keep(record.step);
        })?;
        Ok(recorded)
    }

    /// What [`state`](Self::state) gave. Nothing is read.
    ///
    /// # Errors
    /// The state of something else.
    pub(crate) fn of_state(state: State<f64>, mut recorder: Recorder, own: u64) -> Result<Self, Error> {
        let mut reader = state.reader("records");
        let fail = |source| Error::from(TrainError::from(source));
        recorder.restore(reader.part("held")).map_err(fail)?;
        let mut recorded = Self {
            course: Course::of_state(reader.part("course")).map_err(fail)?,
            next: reader.count("next").map_err(fail)?,
            is_whole: reader.count("is_whole").map_err(fail)? == 1,
            first: reader.optional_scalar("first"),
            best: reader.optional_scalar("best"),
            ..Self::new(recorder, own)
        };
        recorded.last = reader.vector("last").map_err(fail)?;
        let mut count = |name| reader.count(name).map_err(fail);
        recorded.kept = Kept { records: count("records")?, reached: count("reached")? };
        reader.finish().map_err(fail)?;
        Ok(recorded)
    }

    /// That of a run which begins at the step `own` of another one, whose state there is `state`, with so many of its records.
    ///
    /// # Errors
    /// Those of [`of_state`](Self::of_state).
    pub(crate) fn forked(state: State<f64>, recorder: Recorder, own: u64, records: u64) -> Result<Self, Error> {
        let Self { first, best, last, .. } = Self::of_state(state, recorder.clone(), own)?;
        let kept = Kept { records, reached: own };
        Ok(Self { next: own, first, best, last, kept, ..Self::new(recorder, own) })
    }

    /// All of it: what [`of_state`](Self::of_state) takes.
    pub(crate) fn state(&self) -> State<f64> {
        let losses = [("first", self.first), ("best", self.best)].into_iter();
        let state = losses
            .filter_map(|(name, loss)| Some((name, loss?)))
            .fold(State::new(), |state, (name, loss)| state.with_scalar(name, loss));
        state
            .with_scalar("next", self.next as f64)
            .with_scalar("is_whole", f64::from(u8::from(self.is_whole)))
            .with_scalar("records", self.kept.records as f64)
            .with_scalar("reached", self.kept.reached as f64)
            .with_vector("last", self.last.clone())
            .with_part("course", self.course.state())
            .with_part("held", self.recorder.state())
    }

    /// Takes note of the next record, and says whether it is to be kept.
    pub(crate) fn see(&mut self, record: &Record) -> bool {
        self.note(record);
        let keeps = self.recorder.keeps(record);
        if keeps {
            self.keep(record.step);
        }
        keeps
    }

    fn note(&mut self, record: &Record) {
        if record.step >= self.own {
            self.is_whole &= record.step == self.next.max(self.own);
            self.course.see(record);
        }
        self.next = record.step + 1;
        if record.step == 0 {
            self.first = Some(record.loss);
        }
        self.best = Some(self.best.map_or(record.loss, |best| best.min(record.loss)));
        self.last.push(record.loss);
        if self.last.len() > LAST {
            self.last.remove(0);
        }
    }

    fn keep(&mut self, step: u64) {
        self.kept = Kept { records: self.kept.records + 1, reached: step + 1 };
    }

    /// The last record, if it is not kept otherwise: to be written at the end.
    pub(crate) fn held(&self) -> Option<&Record> {
        self.recorder.held()
    }

    /// The records that are in the folder.
    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }

    /// Says how many records are in the folder, where some were lost.
    pub(crate) fn found(&mut self, records: u64) {
        self.kept.records = records;
    }

    /// Of the run's own steps; `None` if some of its records are lost, as what is left says too little of how it went.
    pub(crate) fn course(&self) -> Option<&Course> {
        self.is_whole.then_some(&self.course)
    }

    /// The loss of the first step; `None` if its record is lost.
    pub(crate) fn first_loss(&self) -> Option<f64> {
        self.first
    }

    /// The smallest loss.
    pub(crate) fn best_loss(&self) -> Option<f64> {
        self.best
    }

    /// The mean of the last five losses.
    pub(crate) fn final_loss(&self) -> Option<f64> {
        final_loss(&self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64, loss: f64) -> Record {
        Record { step, loss, ..Record::default() }
    }

    #[test]
    fn losses_are_those_of_all_records() {
        let mut recorded = Recorded::new(Recorder::of_all(), 2);
        assert_eq!((recorded.first_loss(), recorded.best_loss(), recorded.final_loss()), (None, None, None));
        for (step, loss) in (0..).zip([9.0, 1.0, 4.0, 5.0, 6.0, 7.0, 8.0]) {
            assert!(recorded.see(&record(step, loss)));
        }
        let losses = (recorded.first_loss(), recorded.best_loss(), recorded.final_loss());
        assert_eq!(losses, (Some(9.0), Some(1.0), Some(6.0)));
        assert!(recorded.course().is_some());
        assert_eq!(recorded.kept(), Kept { records: 7, reached: 7 });
    }

    #[test]
    fn what_is_lost_is_not_judged() {
        let mut recorded = Recorded::new(Recorder::of_all(), 0);
        recorded.see(&record(3, 2.0));
        assert!(recorded.first_loss().is_none() && recorded.course().is_none());
        assert_eq!(recorded.best_loss(), Some(2.0));
    }

    /// At every step it may be stopped at, also where a record is held.
    #[test]
    fn its_state_goes_on() {
        let recorder = Recorder::every(4);
        let records: Vec<Record> = (0..11).map(|step| record(step, 10.0 - step as f64)).collect();
        let all = |mut recorded: Recorded, records: &[Record]| {
            for record in records {
                recorded.see(record);
            }
            recorded
        };
        let whole = all(Recorded::new(recorder.clone(), 0), &records).state();
        // As text, as there are NaNs in it.
        let same = |state: State<f64>, step| assert_eq!(format!("{state:?}"), format!("{whole:?}"), "{step}");
        for step in 0..11 {
            let state = all(Recorded::new(recorder.clone(), 0), &records[..step]).state();
            let kept = Kept { records: step.div_ceil(4) as u64, reached: (step as u64).saturating_sub(1) / 4 * 4 + 1 };
            assert_eq!(Kept::of_state(&state), Some(if step == 0 { Kept::default() } else { kept }), "{step}");
            let rest = Recorded::of_state(state, recorder.clone(), 0).unwrap();
            same(all(rest, &records[step..]).state(), step);
        }
        assert_eq!(Recorded::of_state(whole.clone(), recorder.clone(), 0).unwrap().held(), Some(&records[10]));
        let fork = Recorded::forked(whole.clone(), recorder.clone(), 11, 3).unwrap();
        assert_eq!((fork.first_loss(), fork.best_loss(), fork.final_loss()), (Some(10.0), Some(0.0), Some(2.0)));
        assert!(fork.held().is_none() && fork.kept() == Kept { records: 3, reached: 11 });
        assert!(all(fork, &[record(11, 1.0)]).course().is_some());
        assert_eq!(Kept::of_state(&State::new()), None);
        assert!(Recorded::of_state(whole.with_scalar("other", 1.0), recorder, 0).is_err());
    }
}
