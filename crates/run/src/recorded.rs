use onedge_record::{Error, Record, RunDirectory, Thinned, final_loss};
use onedge_train::Course;

/// A final loss is the mean of so many.
const LAST: usize = 5;

/// What a run needs to know of its records while it goes on, and at its end. Memory does not grow with the steps: all of them
/// are in its folder.
pub(crate) struct Recorded {
    thinned: Thinned,
    course: Course,
    /// The first step that is the run's own; a fork has records of the steps before.
    own: u64,
    /// The step after the last one seen, and whether none of its own was left out so far.
    next: u64,
    is_whole: bool,
    first: Option<f64>,
    best: Option<f64>,
    last: Vec<f64>,
}

impl Recorded {
    /// Of a run whose first own step is `own`, before any.
    pub(crate) fn new(own: u64) -> Self {
        let (thinned, course, last) = (Thinned::default(), Course::default(), Vec::with_capacity(LAST + 1));
        Self { thinned, course, own, next: 0, is_whole: true, first: None, best: None, last }
    }

    /// The same after all that is recorded in a folder.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Record`].
    pub(crate) fn of(directory: &RunDirectory, own: u64) -> Result<Self, Error> {
        let mut recorded = Self::new(own);
        directory.each_step(&mut |record| recorded.see(record))?;
        Ok(recorded)
    }

    /// Takes note of the next record.
    pub(crate) fn see(&mut self, record: Record) {
        if record.step >= self.own {
            self.is_whole &= record.step == self.next.max(self.own);
            self.course.see(&record);
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
        self.thinned.push(record);
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

    /// The records, thinned if there are many.
    pub(crate) fn into_records(self) -> Vec<Record> {
        self.thinned.into_records()
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
        let mut recorded = Recorded::new(2);
        assert_eq!((recorded.first_loss(), recorded.best_loss(), recorded.final_loss()), (None, None, None));
        for (step, loss) in (0..).zip([9.0, 1.0, 4.0, 5.0, 6.0, 7.0, 8.0]) {
            recorded.see(record(step, loss));
        }
        let losses = (recorded.first_loss(), recorded.best_loss(), recorded.final_loss());
        assert_eq!(losses, (Some(9.0), Some(1.0), Some(6.0)));
        assert!(recorded.course().is_some());
        assert_eq!(recorded.into_records().len(), 7);
    }

    #[test]
    fn what_is_lost_is_not_judged() {
        let mut recorded = Recorded::new(0);
        recorded.see(record(3, 2.0));
        assert!(recorded.first_loss().is_none() && recorded.course().is_none());
        assert_eq!(recorded.best_loss(), Some(2.0));
    }
}
