//! Giving up runs that will not be the best: off unless asked for.

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
    losses: Vec<f64>,
    /// Those of an earlier worker.
    earlier: Vec<f64>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(rule: &'a GiveUp, root: &'a Path, specs: &'a [Spec], run: usize) -> Self {
        Self { rule, root, specs, run, losses: Vec::new(), earlier: Vec::new() }
    }

    /// Takes note of what an earlier worker recorded of this run, some of which may come again.
    pub(crate) fn recall(&mut self, records: &[Record]) {
        self.earlier = records.iter().map(|record| record.loss).collect();
    }

    /// Why the run should end after this record, if it should.
    pub(crate) fn see(&mut self, record: &Record) -> Option<StopReason> {
        if self.losses.is_empty() {
            self.losses.extend(self.earlier.iter().take(record.step as usize));
        }
        self.losses.push(record.loss);
        // A record without a rate is the last one for a reason of its own.
        if !self.is_due() || record.learning_rate.is_nan() {
            return None;
        }
        let loss = final_loss(&self.losses)?;
        let limit = self.rule.margin * self.best()?;
        (loss > limit && limit > 0.0).then_some(StopReason::Hopeless { step: record.step, loss, limit })
    }

    fn is_due(&self) -> bool {
        let (seen, steps) = (self.losses.len(), self.specs[self.run].steps);
        self.rule.at.iter().any(|at| (at * steps as f64).ceil() as usize == seen) && (seen as u64) < steps
    }

    /// The loss of the best finished run of the group after as many steps. A run that cannot be read is no rival.
    fn best(&self) -> Option<f64> {
        let folders = Folders::list(self.root).ok()?;
        let group = self.rule.groups[self.run];
        let others = (0..self.specs.len()).filter(|&other| other != self.run && self.rule.groups[other] == group);
        let done = others.filter_map(|other| folders.find(&self.specs[other], Hopeless::Ended));
        let scored = done.filter(|done| done.summary.stop.is_success());
        let scored = scored.filter_map(|done| Some((done.summary.final_loss.filter(|loss| loss.is_finite())?, done)));
        let (_, Done { folder, .. }) = scored.min_by(|a, b| a.0.total_cmp(&b.0))?;
        let records = RunDirectory::at(&folder).read_steps().ok()?.records;
        let losses: Vec<f64> = records.iter().map(|record| record.loss).collect();
        final_loss(losses.get(..self.losses.len())?)
    }
}
