use onedge_objective::{Reader, State, StateError};

use crate::{Look, Plan, Record};

/// Which records of a run are kept: of every so many steps, and those that say more than others do.
///
/// These are the first of the run, those at which something was measured (diagnostics, test examples), those at which the update led uphill
/// or the loss bent downwards along it, so that the tuner's rule had no plain answer, and the last, however the run ends. Whether one is kept follows from it and
/// the plan alone; only the last cannot be known before the end, so the one that was left out last is held until then.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorder {
    every: u64,
    sharpness: Look,
    first: u64,
    held: Option<Record>,
}

impl Recorder {
    /// For a run by `plan` whose first own step is `first`.
    pub fn new(plan: &Plan, first: u64) -> Self {
        Self { every: plan.record_every.max(1), sharpness: plan.diagnostics.sharpness, first, held: None }
    }

    /// For a run of which every record is kept.
    pub fn of_all() -> Self {
        Self::every(1)
    }

    /// For a run without diagnostics of which the records of every so many steps are kept, from the step 0 on.
    pub fn every(steps: u64) -> Self {
        Self { every: steps.max(1), sharpness: Look::Every(0), first: 0, held: None }
    }

    /// Whether the record of the next step is to be kept now. One that is not is held, as it may be the last.
    pub fn keeps(&mut self, record: &Record) -> bool {
        let keeps = self.every == 1 || record.step.is_multiple_of(self.every) || self.tells(record);
        self.held = (!keeps).then(|| record.clone());
        keeps
    }

    /// The last record, if it was not kept: to be kept at the end of the run.
    pub fn held(&self) -> Option<&Record> {
        self.held.as_ref()
    }

    /// Whether it says more than others.
    fn tells(&self, record: &Record) -> bool {
        // With a share of the cost, what was paid is among the readings.
        let measures = self.sharpness.steps().is_some_and(|steps| Look::Every(steps).is_due(record.step, 0.0, 0.0));
        let is_event = record.slope.is_some_and(|slope| slope > 0.0) || record.curvature.is_some_and(|bend| bend < 0.0);
        // Without a rate no step was taken: the run ends there.
        let is_end = record.learning_rate.is_nan();
        record.step == self.first
            || measures
            || !record.measured.is_empty()
            || !record.density.is_empty()
            || is_event
            || is_end
    }

    /// What it holds, so that a run goes on to the same records.
    pub fn state(&self) -> State<f64> {
        let Some(record) = &self.held else { return State::new() };
        let state = State::new().with_scalar("step", record.step as f64);
        // What diagnostics read is in no record that is held.
        let state = match &record.eigenvalues[..] {
            [] => state,
            values => state.with_vector("eigenvalues", values.to_vec()),
        };
        VALUES.iter().fold(state, |state, (name, get, _)| match get(record) {
            Some(value) => state.with_scalar(name, value),
            None => state,
        })
    }

    /// Puts back what [`state`](Self::state) gave.
    ///
    /// # Errors
    /// The state of something else.
    pub fn restore(&mut self, state: State<f64>) -> Result<(), StateError> {
        self.held = None;
        if state.is_empty() {
            return Ok(());
        }
        let mut reader: Reader<f64> = state.reader("records");
        let eigenvalues = reader.optional_vector("eigenvalues").unwrap_or_default();
        let mut record = Record { step: reader.count("step")?, eigenvalues, ..Record::default() };
        for (name, _, set) in VALUES {
            if let Some(value) = reader.optional_scalar(name) {
                set(&mut record, value);
            }
        }
        self.held = Some(record);
        reader.finish()
    }
}

type Value = (&'static str, fn(&Record) -> Option<f64>, fn(&mut Record, f64));

/// What may be in a record that is held, but for its step. What a spectrum has may be there where the tuner measures it.
const VALUES: [Value; 16] = [
    ("loss", |r| Some(r.loss), |r, value| r.loss = value),
    ("learning_rate", |r| Some(r.learning_rate), |r, value| r.learning_rate = value),
    ("gradient_norm", |r| r.gradient_norm, |r, value| r.gradient_norm = Some(value)),
    ("update_norm", |r| r.update_norm, |r, value| r.update_norm = Some(value)),
    ("slope", |r| r.slope, |r, value| r.slope = Some(value)),
    ("curvature", |r| r.curvature, |r, value| r.curvature = Some(value)),
    ("sharpness", |r| r.sharpness, |r, value| r.sharpness = Some(value)),
    ("magnitude", |r| r.magnitude, |r, value| r.magnitude = Some(value)),
    ("residual", |r| r.residual, |r, value| r.residual = Some(value)),
    ("preconditioned_sharpness", |r| r.preconditioned_sharpness, |r, value| r.preconditioned_sharpness = Some(value)),
    ("alignment", |r| r.alignment, |r, value| r.alignment = Some(value)),
    ("update_cosine", |r| r.update_cosine, |r, value| r.update_cosine = Some(value)),
    ("converged", |r| r.converged.map(f64::from), |r, value| r.converged = Some(value == 1.0)),
    ("products", |r| r.products.map(|products| products as f64), |r, value| r.products = Some(value as u64)),
    ("cost", |r| Some(r.cost), |r, value| r.cost = value),
    ("seconds", |r| Some(r.seconds), |r, value| r.seconds = value),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::COLUMNS;
    use crate::fit::usual_plan;

    fn recorder(record_every: u64, sharpness_every: u64, first: u64) -> Recorder {
        let mut plan = Plan { record_every, ..usual_plan() };
        plan.diagnostics.sharpness = Look::Every(sharpness_every);
        Recorder::new(&plan, first)
    }

    fn usual(step: u64) -> Record {
        Record { step, learning_rate: 0.1, slope: Some(-1.0), curvature: Some(2.0), ..Record::default() }
    }

    fn kept(recorder: &mut Recorder, records: &[Record]) -> Vec<u64> {
        records.iter().filter(|record| recorder.keeps(record)).map(|record| record.step).collect()
    }

    #[test]
    fn all_are_kept_unless_fewer_are_asked_for() {
        let records: Vec<Record> = (0..5).map(usual).collect();
        let mut all = recorder(1, 3, 0);
        assert_eq!(kept(&mut all, &records), [0, 1, 2, 3, 4]);
        assert!(all.held().is_none());
    }

    #[test]
    fn what_says_more_is_kept() {
        let mut records: Vec<Record> = (3..45).map(usual).collect();
        let mut change = |step: usize, change: &dyn Fn(&mut Record)| change(&mut records[step - 3]);
        change(11, &|r| r.measured = BTreeMap::from([("test_loss".to_owned(), 1.0)]));
        change(12, &|r| r.density = vec![(1.0, 1.0)]);
        change(13, &|r| r.slope = Some(0.5));
        change(14, &|r| r.curvature = Some(-0.5));
        // Nothing moves where the slope is zero, for as long as it likes.
        change(15, &|r| r.slope = Some(0.0));
        // What the tuner measures for itself is no diagnostic.
        change(16, &|r| r.sharpness = Some(3.0));
        change(43, &|r| r.learning_rate = f64::NAN);
        let mut some = recorder(20, 7, 3);
        assert_eq!(kept(&mut some, &records), [3, 7, 11, 12, 13, 14, 20, 21, 28, 35, 40, 42, 43]);
        assert_eq!(some.held().map(|record| record.step), Some(44));
        assert!(some.keeps(&usual(60)) && some.held().is_none());
    }

    #[test]
    fn what_is_held_goes_on() {
        let record = Record {
            loss: 0.1 + 0.2,
            sharpness: Some(3.0),
            products: Some(9),
            converged: Some(false),
            eigenvalues: vec![3.0, 1.0],
            seconds: 0.25,
            ..usual(7)
        };
        let mut first = recorder(10, 0, 0);
        assert!(!first.keeps(&record));
        let mut second = recorder(10, 0, 0);
        second.restore(first.state()).unwrap();
        assert_eq!((second.held(), &second), (Some(&record), &first));
        second.restore(State::new()).unwrap();
        assert!(second.held().is_none());
        let names: Vec<&str> = ["step"].into_iter().chain(VALUES.iter().map(|value| value.0)).collect();
        assert!(COLUMNS.iter().all(|column| names.contains(&column.name) || column.name == "step"));
        assert!(second.restore(first.state().with_scalar("other", 1.0)).is_err());
    }
}
