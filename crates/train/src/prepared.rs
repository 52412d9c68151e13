use std::collections::BTreeMap;

use onedge_tune::{Optimizer, Tuner};

use crate::{Advance, Course, Error, Evidence, Finding, Outcome, Record, StopReason, Training};
use crate::{Element, Evaluator, Instruments, Plan, Problem, Recorder};

/// All that training needs but parameters and a place to leave them.
pub struct Prepared<T: Element> {
    /// What the loop does.
    pub plan: Plan,
    /// What is trained.
    pub problem: Problem<T>,
    /// Optimizer and tuner, told the layers.
    pub method: (Box<dyn Optimizer<T>>, Box<dyn Tuner>),
    /// What measures along the way.
    pub instruments: Instruments<T>,
    /// What evaluates the test examples along the way, if anything does.
    pub evaluator: Option<Evaluator<T>>,
}

/// What training in memory left.
pub struct Trained<T> {
    /// The parameters at the end.
    pub parameters: Vec<T>,
    /// Those of the best evaluation, if there were any.
    pub best: Option<Vec<T>>,
    /// What was recorded, of the steps that the plan keeps.
    pub records: Vec<Record>,
    /// How it ended and what it cost.
    pub outcome: Outcome,
    /// What else is to be said of how it went.
    pub findings: Vec<Finding>,
    /// Means over the training examples at the end, by name; empty if they are not finite.
    pub train: BTreeMap<String, f64>,
    /// The same over the test examples.
    pub test: BTreeMap<String, f64>,
}

/// Who watches a run from outside: it sees every record with the parameters that the step left, and ends the run where it gives a reason to.
pub type Watch<'a, T> = dyn FnMut(&Record, &[T]) -> Option<StopReason> + 'a;

impl<T: Element> Prepared<T> {
    /// Trains in memory, from the parameters of the problem. `is_fresh` says whether these are random, and `interrupted`, asked between
    /// two steps, whether to end.
    ///
    /// # Errors
    /// Those of [`Training::new`] and [`Training::finish`]. What happens in training is no error but in [`Outcome::stop`].
    pub fn train(
        self,
        is_fresh: bool,
        watch: &mut Watch<'_, T>,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Trained<T>, Error> {
        let Self { plan, mut problem, method, mut instruments, mut evaluator } = self;
        let mut parameters = problem.initial(plan.seed);
        let (mut records, mut recorder, mut course) = (Vec::new(), Recorder::new(&plan, 0), Course::default());
        let mut training = Training::new(&plan, &mut *problem.train, &mut parameters, method, &mut instruments)?;
        if let (Some(evaluator), Some(test)) = (&mut evaluator, problem.test.as_deref_mut()) {
            training = training.with_evaluation(evaluator, test);
        }
        let stop = loop {
            if interrupted() && !training.is_done() {
                break StopReason::Interrupted { step: training.steps() };
            }
            let (record, end) = match training.advance() {
                Advance::Step(record) => (Some(record), None),
                Advance::Stop { reason, record } => (record, Some(reason)),
            };
            let own = record.as_ref().and_then(|record| watch(record, training.parameters()));
            if let Some(record) = record {
                course.see(&record);
                records.extend(recorder.keeps(&record).then_some(record));
            }
            if let Some(reason) = own.or(end) {
                break reason;
            }
        };
        records.extend(recorder.held().cloned());
        let mut outcome = training.finish(stop)?;
        let train = problem.train.metrics(&parameters).unwrap_or_default();
        let test = problem.test.as_mut().and_then(|test| test.metrics(&parameters).ok()).unwrap_or_default();
        let mut findings = problem.judge(Evidence {
            course: &course,
            stop: &outcome.stop,
            events: &outcome.events,
            counted_over: outcome.steps,
            is_full_batch: plan.batch.is_none(),
            is_fresh,
            classes: None,
            train: &train,
        });
        findings.extend(outcome.left_out.iter().cloned());
        let best = evaluator.and_then(|mut evaluator| {
            // The end may be the best point.
            evaluator.observe(outcome.steps, &test, &parameters);
            outcome.best = evaluator.best();
            evaluator.best_parameters().map(<[T]>::to_vec)
        });
        Ok(Trained { parameters, best, records, outcome, findings, train, test })
    }
}
