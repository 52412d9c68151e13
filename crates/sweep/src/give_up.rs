//! Giving up runs that will not be the best: off unless asked for.

use std::collections::VecDeque;
use std::path::Path;

use super::place::Folders;
use super::status::{Done, Hopeless};
use onedge_record::{Record, RunDirectory, StopReason, final_loss};
use onedge_spec::Spec;

/// The rule by which hopeless runs are given up: at each of some shares of its steps, a run ends if the mean of its
/// last five losses exceeds `margin` times that of the best finished run of its group, the one of smallest final loss,
/// at the same step. What is given up depends on which runs are finished by then, so on their order and on the number
/// of workers.
#[derive(Debug, Clone, PartialEq)]
pub struct GiveUp {
    /// Shares of the steps, between 0 and 1.
    pub at: Vec<f64>,
    /// How many times the loss of the best run is still fine; 1 or more.
    pub margin: f64,
    /// For each spec of the sweep the group in which runs are compared.
    pub groups: Vec<usize>,
}

/// The rule at work on one run.
pub(crate) struct Judge<'a> {
    rule: &'a GiveUp,
    root: &'a Path,
    specs: &'a [Spec],
    /// The index of its spec.
    run: usize,
    /// Where it is done: an earlier worker may have recorded steps of it.
    folder: &'a Path,
    /// The last losses, the last one first to go.
    losses: VecDeque<f64>,
}

/// A loss is the mean of so many.
const LAST: u64 = 5;

impl<'a> Judge<'a> {
    pub(crate) fn new(rule: &'a GiveUp, root: &'a Path, specs: &'a [Spec], run: usize, folder: &'a Path) -> Self {
        Self { rule, root, specs, run, folder, losses: VecDeque::new() }
    }

    /// Why the run should end after this record, if it should.
    pub(crate) fn see(&mut self, record: &Record) -> Option<StopReason> {
        if self.losses.is_empty() && record.step > 0 {
            // What cannot be read is told of when the run goes on.
            self.losses.extend(before(self.folder, record.step, LAST).unwrap_or_default());
        }
        self.losses.push_back(record.loss);
        if self.losses.len() > LAST as usize {
            self.losses.pop_front();
        }
        let seen = record.step + 1;
        // A record without a rate is the last one for a reason of its own.
        if !self.is_due(seen) || record.learning_rate.is_nan() {
            return None;
        }
        let loss = final_loss(self.losses.make_contiguous())?;
        let limit = self.rule.margin * self.best(seen)?;
        (loss > limit && limit > 0.0).then_some(StopReason::Hopeless { step: record.step, loss, limit })
    }

    fn is_due(&self, seen: u64) -> bool {
        let steps = self.specs[self.run].steps;
        self.rule.at.iter().any(|at| (at * steps as f64).ceil() as u64 == seen) && seen < steps
    }

    /// The loss of the best finished run of the group after so many steps. A run that cannot be read, or that lost its records
    /// of these steps, is no rival. Of one that kept not all of them the last five that it kept stand for them: earlier ones, so that rather fewer
    /// runs are given up.
    fn best(&self, steps: u64) -> Option<f64> {
        let folders = Folders::list(self.root).ok()?;
        let group = self.rule.groups[self.run];
        let others = (0..self.specs.len()).filter(|&other| other != self.run && self.rule.groups[other] == group);
        let done = others.filter_map(|other| {
            let spec = &self.specs[other];
            Some((folders.find(spec, Hopeless::Ended)?, spec.record_every))
        });
        let scored = done.filter(|(done, _)| done.summary.stop.is_success());
        let scored = scored.filter_map(|done| Some((done.0.summary.final_loss.filter(|loss| loss.is_finite())?, done)));
        let (_, (Done { folder, .. }, every)) = scored.min_by(|a, b| a.0.total_cmp(&b.0))?;
        let span = LAST.saturating_mul(every);
        let losses = before(&folder, steps, span)?;
        final_loss(&losses).filter(|_| losses.len() as u64 == LAST.min(steps.div_ceil(every)))
    }
}

/// The losses of the `span` steps before `step`, of those that have a record, and of these of the last five.
fn before(folder: &Path, step: u64, span: u64) -> Option<Vec<f64>> {
    let (mut losses, wanted) = (VecDeque::new(), step.saturating_sub(span)..step);
    let mut see = |record: Record| {
        losses.extend(wanted.contains(&record.step).then_some(record.loss));
        if losses.len() > LAST as usize {
            losses.pop_front();
        }
    };
    RunDirectory::at(folder).each_step(&mut see).ok()?;
    Some(losses.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use onedge_record::StepWriter;

    #[test]
    fn of_thinned_records_the_last_five_stand_for_the_last_steps() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = StepWriter::create(&RunDirectory::at(folder.path()).steps()).unwrap();
        for step in [0, 10, 13, 20, 30, 40, 50, 60] {
            writer.append(&Record { step, loss: 100.0 - step as f64, ..Record::default() }).unwrap();
        }
        let losses = |step, span| before(folder.path(), step, span).unwrap();
        assert_eq!(losses(55, 50), [87.0, 80.0, 70.0, 60.0, 50.0]);
        assert_eq!(losses(60, 5), [0.0; 0]);
        assert_eq!(losses(15, 50), [100.0, 90.0, 87.0]);
        assert_eq!(losses(61, 50), [80.0, 70.0, 60.0, 50.0, 40.0]);
    }
}
