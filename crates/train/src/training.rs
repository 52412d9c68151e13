use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use onedge_objective::{Real, State};
use onedge_tune::{Error as TuneError, Optimizer, StepReport, Trainer, TrainerState, Tuner};

use crate::Error;
use crate::evaluator::STATE;
use crate::instruments::Report;
use crate::missing::{self, Missing};
use crate::observed::{measure, record};
use crate::{Batches, BestEvaluation, Evaluator, Finding, Instruments, Last, Plan, Position, StepStart, Workload};
use crate::{Record, StopReason};

/// How a loop ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why.
    pub stop: StopReason,
    /// Steps taken.
    pub steps: u64,
    /// Time spent on the method.
    pub seconds: f64,
    /// Time spent on diagnostics.
    pub diagnostics_seconds: f64,
    /// Forward-equivalents spent on the method.
    pub cost: f64,
    /// How often the tuner met what its formula does not provide for, and how many measured spectra did not converge.
    pub events: Vec<(String, u64)>,
    /// A finding for each reading of a diagnostic that had no value at some steps.
    pub left_out: Vec<Finding>,
    /// The best evaluation of the test examples along the way, if there were any.
    pub best: Option<BestEvaluation>,
    /// c in "edge of stability at sharpness = c / eta", for this optimizer, if it has one.
    pub edge: Option<f64>,
}

/// Trains `w` by `plan` to its end: [`Training::advance`] until it stops. `observe` gets every record as soon as it is made,
/// and may end the run with a reason of its own.
///
/// # Errors
/// Those of [`Training::new`] and [`Training::finish`].
pub fn train<T: Real>(
    plan: &Plan,
    workload: &mut dyn Workload<T>,
    w: &mut [T],
    method: (Box<dyn Optimizer<T>>, Box<dyn Tuner>),
    instruments: &mut Instruments<T>,
    observe: &mut dyn FnMut(&Record) -> ControlFlow<StopReason>,
) -> Result<Outcome, Error> {
    let mut training = Training::new(plan, workload, w, method, instruments)?;
    let stop = loop {
        let (record, stop) = match training.advance() {
            Advance::Step(record) => (Some(record), None),
            Advance::Stop { reason, record } => (record, Some(reason)),
        };
        if let Some(ControlFlow::Break(reason)) = record.as_ref().map(&mut *observe) {
            break reason;
        }
        if let Some(reason) = stop {
            break reason;
        }
    };
    training.finish(stop)
}

/// A training loop between two steps: everything that its next steps depend on.
pub struct Training<'a, T: Real> {
    plan: &'a Plan,
    workload: &'a mut dyn Workload<T>,
    w: &'a mut [T],
    trainer: Trainer<T>,
    instruments: &'a mut Instruments<T>,
    /// What evaluates the test examples along the way, and these.
    evaluation: Option<(&'a mut Evaluator<T>, &'a mut dyn Workload<T>)>,
    batches: Option<Batches>,
    /// All examples as they are selected throughout, where a tuner takes parts of the full batch.
    order: Option<Vec<usize>>,
    watch: Watch,
    /// Where the loss counts as diverged; `None` until the first step tells.
    limit: Option<f64>,
    /// What the limit is at least, once a step was begun: that of the loss of all parameters zero.
    least_limit: Option<f64>,
    /// Measured spectra that did not converge.
    unconverged: u64,
    /// From what cost of the run on the spectrum may be measured again, where that takes a share of it.
    next_spectrum: f64,
    /// Readings that had no value.
    missing: Missing,
    /// The cost up to the evaluation that ended the run, if one did.
    unfinished: Option<f64>,
    /// Whether a step was broken off.
    broken: bool,
}

/// What a [`Training`] keeps to go on later with the same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot<T> {
    /// The parameters.
    pub w: Vec<T>,
    /// Optimizer, tuner, and what the training step keeps.
    pub method: TrainerState<T>,
    /// Of the diagnostics that keep anything, by name; of the evaluations as `test_evaluation`; what had no value as
    /// `missing_readings`.
    pub diagnostics: BTreeMap<String, State<T>>,
    /// Of the loop itself: `drawn` (mini-batches), `limit` (if there is one), `unconverged`, `seconds`,
    /// `diagnostics_seconds`, `next_spectrum` (where the spectrum is measured for a share of the cost).
    pub progress: State<f64>,
}

/// What [`Training::advance`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum Advance {
    /// A step was taken.
    Step(Record),
    /// The run has come to its end.
    Stop {
        /// Why.
        reason: StopReason,
        /// Of the step that reaches the target, diverges or brought no improvement, with its loss and no learning rate: it is not taken.
        record: Option<Record>,
    },
}

impl<T: Real> Snapshot<T> {
    /// The same in another precision, which rounds where that is the lower one.
    pub fn convert<U: Real>(self) -> Snapshot<U> {
        let TrainerState { trainer, optimizer, tuner } = self.method;
        Snapshot {
            w: self.w.into_iter().map(|w| U::from_f64(w.to_f64())).collect(),
            method: TrainerState { trainer: trainer.convert(), optimizer: optimizer.convert(), tuner },
            diagnostics: self.diagnostics.into_iter().map(|(name, state)| (name, state.convert())).collect(),
            progress: self.progress,
        }
    }
}

impl<'a, T: Real> Training<'a, T> {
    /// A loop that starts from `w`.
    ///
    /// # Errors
    /// [`Error::Batch`] if a batch has more examples than there are; [`Error::Tune`] if the spectrum is asked for in a way
    /// that no trainer takes, or if examples cannot be selected.
    pub fn new(
        plan: &'a Plan,
        workload: &'a mut dyn Workload<T>,
        w: &'a mut [T],
        (optimizer, tuner): (Box<dyn Optimizer<T>>, Box<dyn Tuner>),
        instruments: &'a mut Instruments<T>,
    ) -> Result<Self, Error> {
        plan.check_batch(workload.examples())?;
        let trainer = Trainer::new(w.len(), optimizer, tuner, plan.diagnostics.lanczos)?.for_steps(plan.steps);
        let trainer = trainer.refreshing_every(plan.diagnostics.refresh)?;
        let full = plan.batch.is_none_or(|batch| batch >= workload.examples()) && !workload.brings_batches();
        let trainer = if full { trainer.in_full_batch() } else { trainer };
        let batches = batches(plan, workload.examples(), Position::default());
        let order = order(plan, &trainer, workload.examples());
        if let Some(order) = &order {
            let step = trainer.steps();
            workload.select(Some(order)).map_err(|source| Error::from(TuneError::Objective { step, source }))?;
        }
        let (watch, limit, least_limit, unconverged, next_spectrum, missing, unfinished, broken) = Default::default();
        Ok(Self {
            plan,
            workload,
            w,
            trainer,
            instruments,
            evaluation: None,
            batches,
            order,
            watch,
            limit,
            least_limit,
            unconverged,
            next_spectrum,
            missing,
            unfinished,
            broken,
        })
    }

    /// The same loop, with the examples of `test` evaluated along the way. The steps keep their bits.
    pub fn with_evaluation(self, evaluator: &'a mut Evaluator<T>, test: &'a mut dyn Workload<T>) -> Self {
        Self { evaluation: Some((evaluator, test)), ..self }
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.trainer.steps()
    }

    /// The parameters as they are.
    pub fn parameters(&self) -> &[T] {
        self.w
    }

    /// Whether a step was broken off by [`Interrupted`](onedge_objective::Error::Interrupted): what optimizer and tuner keep is then that of
    /// no step, and a [`snapshot`](Self::snapshot) is of no use.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// The parameters to evaluate and to keep, where they are not those at which gradients are taken.
    pub fn evaluation_point(&self) -> Option<&[T]> {
        self.trainer.evaluation_point()
    }

    /// Everything that the next steps depend on.
    pub fn snapshot(&self) -> Snapshot<T> {
        let position = self.batches.as_ref().map(Batches::position).unwrap_or_default();
        let progress = State::new()
            .with_scalar("drawn", position.drawn as f64)
            .with_scalar("unconverged", self.unconverged as f64)
            .with_scalar("seconds", self.watch.method.as_secs_f64())
            .with_scalar("diagnostics_seconds", self.watch.diagnostics.as_secs_f64());
        let progress = match self.next_spectrum {
            0.0 => progress,
            cost => progress.with_scalar("next_spectrum", cost),
        };
        let mut diagnostics = self.instruments.states();
        diagnostics.extend(self.evaluation.as_ref().map(|(evaluator, _)| (STATE.to_owned(), evaluator.state())));
        let missing = self.missing.state();
        if !missing.is_empty() {
            diagnostics.insert(missing::STATE.to_owned(), missing);
        }
        Snapshot {
            w: self.w.to_vec(),
            method: self.trainer.state(),
            diagnostics,
            progress: self.limit.iter().fold(progress, |progress, limit| progress.with_scalar("limit", *limit)),
        }
    }

    /// Puts back what [`snapshot`](Self::snapshot) gave: all that follows has the same bits, times apart.
    ///
    /// # Errors
    /// The snapshot of a run with other parameters, optimizer, tuner or diagnostics.
    pub fn restore(&mut self, snapshot: Snapshot<T>) -> Result<(), Error> {
        onedge_objective::Error::require_length("parameters", self.w.len(), snapshot.w.len())?;
        let mut reader = snapshot.progress.reader("run");
        let position = Position { drawn: reader.count("drawn")? };
        self.unconverged = reader.count("unconverged")?;
        let mut time = |name| Ok::<_, Error>(Duration::try_from_secs_f64(reader.scalar(name)?).unwrap_or_default());
        self.watch = Watch { method: time("seconds")?, diagnostics: time("diagnostics_seconds")? };
        self.limit = reader.optional_scalar("limit");
        self.next_spectrum = reader.optional_scalar("next_spectrum").unwrap_or(0.0);
        reader.finish()?;
        self.trainer.restore(snapshot.method)?;
        let mut diagnostics = snapshot.diagnostics;
        // Whoever repeats steps of a run need not evaluate them again.
        if let (Some(state), Some((evaluator, _))) = (diagnostics.remove(STATE), &mut self.evaluation) {
            evaluator.restore(state, self.w.len())?;
        }
        self.missing = diagnostics.remove(missing::STATE).map(Missing::of).unwrap_or_default();
        self.instruments.restore(diagnostics)?;
        self.batches = batches(self.plan, self.workload.examples(), position);
        self.w.copy_from_slice(&snapshot.w);
        Ok(())
    }

    /// Whether all steps are taken.
    pub fn is_done(&self) -> bool {
        self.trainer.steps() >= self.plan.steps
    }

    /// Takes the next step, if there is one. Whatever ends a run that has begun is no error but a reason to stop, so that
    /// parameters and records are there to be kept. After a stop there is only [`finish`](Self::finish).
    pub fn advance(&mut self) -> Advance {
        let step = self.trainer.steps();
        if self.is_done() {
            return Advance::Stop { reason: StopReason::StepsDone, record: None };
        }
        let taken = self.step();
        self.broken |= self.workload.was_interrupted();
        let (record, ending) = match taken {
            Ok((record, None)) if self.broken => {
                let step = self.trainer.steps();
                (record, Some(StopReason::Interrupted { step }))
            }
            Ok(taken) => taken,
            Err(_) if self.broken => {
                return Advance::Stop { reason: StopReason::Interrupted { step }, record: None };
            }
            Err(TuneError::NonFinite { step, probe, .. }) => {
                let reason = StopReason::NonFinite { step, probe: probe.to_string() };
                return Advance::Stop { reason, record: None };
            }
            Err(error) => {
                let reason = StopReason::Failed { step, error: error.to_string() };
                return Advance::Stop { reason, record: None };
            }
        };
        self.unconverged += u64::from(record.converged == Some(false));
        match ending {
            None => Advance::Step(record),
            Some(reason) => {
                // The last evaluation of a run that ends is in no finished step, but in the record.
                self.unfinished = Some(record.cost);
                Advance::Stop { reason, record: Some(record) }
            }
        }
    }

    /// Ends the run for the reason `stop`, be it one that [`advance`](Self::advance) gave or the caller's own, and tells
    /// what it came to.
    ///
    /// In the end `w` holds the parameters to evaluate and to keep. For an optimizer that takes gradients elsewhere
    /// ([`Optimizer::evaluation_point`]) that is not the last point recorded.
    ///
    /// # Errors
    /// Examples that cannot all be selected again.
    pub fn finish(self, stop: StopReason) -> Result<Outcome, Error> {
        if let Some(point) = self.trainer.evaluation_point() {
            self.w.copy_from_slice(point);
        }
        if self.batches.is_some() || self.order.is_some() {
            let step = self.trainer.steps();
            self.workload.select(None).map_err(|source| Error::from(TuneError::Objective { step, source }))?;
        }
        let events = self.trainer.tuner().events().iter();
        Ok(Outcome {
            stop,
            steps: self.trainer.steps(),
            seconds: self.watch.method.as_secs_f64(),
            diagnostics_seconds: self.watch.diagnostics.as_secs_f64(),
            cost: self.unfinished.unwrap_or_else(|| self.trainer.cost()),
            events: events
                .chain([("unconverged_measurements", self.unconverged)])
                .chain(self.evaluation.as_ref().map(|(evaluator, _)| ("non_finite_evaluations", evaluator.lost())))
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
            left_out: self.missing.findings(),
            best: self.evaluation.as_ref().and_then(|(evaluator, _)| evaluator.best()),
            edge: self.trainer.optimizer().edge(),
        })
    }

    /// Selects the examples of a step and takes it, or finds the reason to end instead.
    fn step(&mut self) -> Result<(Record, Option<StopReason>), TuneError> {
        let number = self.trainer.steps();
        self.workload.begin_step(number).map_err(|source| TuneError::Objective { step: number, source })?;
        if self.limit.is_none() {
            let at_zero = || self.plan.diverge_factor * loss_at_zero(self.workload, self.w.len());
            self.least_limit = Some(self.least_limit.unwrap_or_else(at_zero));
        }
        let (evaluated, unimproved) = self.evaluate()?;
        let Self {
            plan,
            workload,
            w,
            trainer,
            instruments,
            batches,
            order,
            watch,
            limit,
            least_limit,
            next_spectrum,
            missing,
            ..
        } = self;
        let due = instruments.due(number);
        let failed = |source| TuneError::Objective { step: number, source };
        let mut batch = order.as_ref().filter(|_| due).cloned();
        if let Some(batches) = batches {
            let chosen = select(plan, batches, &mut **workload);
            // Kept only where a diagnostic will want it.
            batch = chosen.map(|chosen| due.then(|| chosen.to_vec())).map_err(failed)?;
        }
        let cost = trainer.cost() + workload.costs().linearize;
        let before = due.then(|| trainer.optimizer().duplicate());
        let started = Instant::now();
        let mut ending = None;
        let begun = trainer.begin_unless(&mut **workload, w, &mut |loss| {
            let limit = *limit.get_or_insert_with(|| least_limit.unwrap_or(0.0).max(plan.diverge_factor * loss.abs()));
            let reason = match plan.target_loss {
                Some(target) if loss <= target => Some(StopReason::TargetReached { step: number }),
                _ if loss > limit => Some(StopReason::Diverged { step: number, loss, limit }),
                _ => unimproved.clone(),
            };
            ending = reason.map(|reason| (loss, reason));
            ending.is_some()
        })?;
        let Some(mut step) = begun else {
            watch.method += started.elapsed();
            let (seconds, learning_rate) = (watch.method.as_secs_f64(), f64::NAN);
            let (loss, reason) = ending.unzip();
            let loss = loss.unwrap_or(f64::NAN);
            let record =
                Record { step: number, loss, learning_rate, cost, seconds, measured: evaluated, ..Record::default() };
            return Ok((record, reason));
        };
        step.learning_rate()?;
        watch.method += started.elapsed();

        let measured = Instant::now();
        let spectrum_due = plan.diagnostics.sharpness.is_due(number, cost, *next_spectrum);
        let spectrum = measure(&plan.diagnostics, spectrum_due, &mut step, missing);
        let left = before.map(|optimizer| StepStart::behind(&step, optimizer));
        watch.diagnostics += measured.elapsed();

        let finished = Instant::now();
        let report = step.finish()?;
        watch.method += finished.elapsed();
        let mut record = record(&report, spectrum, trainer.cost(), watch.method.as_secs_f64());
        let measured = Instant::now();
        if let Some(left) = left {
            let StepReport { step, loss, learning_rate, sharpness, is_linearized, .. } = report;
            let report = Report { step, loss, learning_rate, sharpness, is_linearized };
            let readings = instruments.measure(&mut **workload, &left, report, batch.as_deref());
            readings.missing.iter().for_each(|(name, reason)| missing.note(name, reason));
            (record.measured, record.density) = (readings.measured, readings.density);
        }
        add(&mut record.measured, evaluated);
        if spectrum_due && report.diagnostics_cost > 0.0 {
            *next_spectrum = plan.diagnostics.sharpness.next(trainer.cost(), report.diagnostics_cost);
            add(&mut record.measured, BTreeMap::from([(COST.to_owned(), report.diagnostics_cost)]));
        }
        instruments.advance(report.learning_rate);
        watch.diagnostics += measured.elapsed();
        Ok((record, None))
    }

    /// The metrics of the test examples at the parameters to evaluate, if they are due, with what that cost; and the reason to
    /// stop that they give.
    fn evaluate(&mut self) -> Result<(BTreeMap<String, f64>, Option<StopReason>), TuneError> {
        let step = self.trainer.steps();
        let Some((evaluator, test)) = self.evaluation.as_mut().filter(|(evaluator, _)| evaluator.is_due(step)) else {
            return Ok((BTreeMap::new(), None));
        };
        let started = Instant::now();
        let point = self.trainer.evaluation_point().unwrap_or(self.w);
        let (mut measured, stop) =
            evaluator.measure(step, &mut **test, point).map_err(|source| TuneError::Objective { step, source })?;
        let examples = self.plan.batch.unwrap_or_else(|| self.workload.examples());
        measured.insert(COST.to_owned(), test.examples() as f64 / examples as f64);
        self.watch.diagnostics += started.elapsed();
        Ok((measured, stop))
    }
}

/// What diagnostics cost, among what they read.
const COST: &str = "diagnostics_cost";

/// Adds one reading to another; what they cost is the sum.
fn add(measured: &mut BTreeMap<String, f64>, more: BTreeMap<String, f64>) {
    for (name, value) in more {
        let before = measured.get(&name).filter(|_| name == COST).copied().unwrap_or(0.0);
        measured.insert(name, before + value);
    }
}

/// The mini-batches of a plan from `position` on; `None` where it has none.
fn batches(plan: &Plan, examples: usize, position: Position) -> Option<Batches> {
    plan.batch.map(|batch| Batches::at(position, examples, batch, plan.last, plan.seed))
}

/// All examples in an order that the seed decides, where a tuner takes parts of the full batch: neighbours may be alike.
fn order<T: Real>(plan: &Plan, trainer: &Trainer<T>, examples: usize) -> Option<Vec<usize>> {
    let divided = plan.batch.is_none() && trainer.needs().parts.is_some();
    divided.then(|| Batches::new(examples, examples, Last::Kept, plan.seed).draw().to_vec())
}

/// Selects the next batch, and changes its images if that is asked for. Returns the examples chosen.
fn select<'a, T: Real>(
    plan: &Plan,
    batches: &'a mut Batches,
    workload: &mut dyn Workload<T>,
) -> Result<&'a [usize], onedge_objective::Error> {
    let size = plan.batch.unwrap_or_default() as u64;
    let first = batches.position().drawn * size;
    let chosen = batches.draw();
    match plan.augment {
        None => workload.select(Some(chosen))?,
        Some(augment) => {
            workload.select_with(chosen, &mut |place, image| augment.apply(plan.seed, first + place as u64, image))?;
        }
    }
    Ok(chosen)
}

/// The scale of the loss where nothing is known. A run that starts from fitted parameters has a first loss near zero,
/// which says nothing about when the loss is large. 0 if there is no such number.
fn loss_at_zero<T: Real>(workload: &mut dyn Workload<T>, dim: usize) -> f64 {
    workload.loss(&vec![T::ZERO; dim]).ok().map(f64::abs).filter(|loss| loss.is_finite()).unwrap_or(0.0)
}

/// Where the time went.
#[derive(Debug, Default)]
struct Watch {
    method: Duration,
    diagnostics: Duration,
}

#[cfg(test)]
#[path = "training_tests.rs"]
mod tests;
