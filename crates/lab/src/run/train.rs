use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use onedge_objective::Real;
use onedge_spectrum::{Lanczos, alignment};
use onedge_tune::{Error as TuneError, Metric, Optimizer, Step, StepReport, Trainer, Tuner};

use crate::Error;
use crate::records::{Record, StopReason};
use crate::run::instruments::Report;
use crate::run::{Augment, Batches, Instruments, Last, Left, Workload};

/// What a training loop does, apart from the problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How many steps to take.
    pub steps: u64,
    /// Examples per step; `None` for all.
    pub batch: Option<usize>,
    /// What becomes of the examples of an epoch that do not fill a batch.
    pub last: Last,
    /// Random changes to the images of mini-batches.
    pub augment: Option<Augment>,
    /// Of the order of mini-batches and of what is changed in them.
    pub seed: u64,
    /// Stop once the loss is this small.
    pub target_loss: Option<f64>,
    /// Stop once the loss is this many times the larger of the first and that of parameters which are all zero.
    pub diverge_factor: f64,
    /// What is measured along the way.
    pub diagnostics: Diagnostics,
}

impl Plan {
    /// Whether a batch can be filled from so many examples.
    ///
    /// # Errors
    /// [`Error::Batch`] if it has more than there are.
    pub fn check_batch(&self, examples: usize) -> Result<(), Error> {
        match self.batch {
            Some(batch) if batch > examples => Err(Error::Batch { batch, examples }),
            _ => Ok(()),
        }
    }
}

/// What is measured along a run beyond what the tuner asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostics {
    /// Measure the spectrum every so many steps; 0: never.
    pub sharpness_every: u64,
    /// With a preconditioner, also the spectrum without it.
    pub hessian: bool,
    /// `u . H u` at every step.
    pub curvature: bool,
    /// How the spectrum is measured.
    pub lanczos: Lanczos,
}

/// The two ways in which a loop speaks with the world while it runs.
pub struct Hooks<'a> {
    /// Gets every record as soon as it is made; an error, told by its message, ends the run.
    pub record: &'a mut dyn FnMut(&Record) -> Result<(), String>,
    /// Ends the run before the next step once it is true.
    pub interrupt: &'a AtomicBool,
}

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
    pub events: Vec<(&'static str, u64)>,
    /// c in "edge of stability at sharpness = c / eta", for this optimizer, if it has one.
    pub edge: Option<f64>,
}

/// Trains `w` by `plan`. Whatever ends it once it has begun is no error but a stop reason, so that parameters and
/// records are there to be kept.
///
/// The step that reaches the target or diverges is recorded with its loss and no learning rate, and not taken.
///
/// In the end `w` holds the parameters to evaluate and to keep. For an optimizer that takes gradients elsewhere
/// ([`Optimizer::evaluation_point`]) that is not the last point recorded; after a step that was begun and not taken it is
/// the point that this step would have led to.
///
/// # Errors
/// [`Error::Batch`] if a batch has more examples than there are; [`Error::Tune`] if the spectrum is asked for in a way
/// that no trainer takes.
pub fn train<T: Real>(
    plan: &Plan,
    workload: &mut dyn Workload<T>,
    w: &mut [T],
    (optimizer, tuner): (Box<dyn Optimizer<T>>, Box<dyn Tuner>),
    instruments: &mut Instruments<T>,
    hooks: Hooks<'_>,
) -> Result<Outcome, Error> {
    let examples = workload.examples();
    let mut batches = match plan.batch {
        None => None,
        Some(batch) => {
            plan.check_batch(examples)?;
            Some(Batches::new(examples, batch, plan.last, plan.seed))
        }
    };
    let mut trainer = Trainer::new(w.len(), optimizer, tuner, plan.diagnostics.lanczos)?;
    let order = order(plan, &trainer, examples);
    if let Some(order) = &order {
        workload.select(Some(order)).map_err(|source| Error::from(TuneError::Objective { step: 0, source }))?;
    }
    let mut watch = Watch::default();
    let mut limit = plan.diverge_factor * loss_at_zero(workload, w.len());
    // The last evaluation of a run that ends is in no finished step, but in the record.
    let mut unfinished = None;
    let mut unconverged = 0;
    let stop = loop {
        let step = trainer.steps();
        if step == plan.steps {
            break StopReason::StepsDone;
        }
        if hooks.interrupt.load(Ordering::Relaxed) {
            break StopReason::Interrupted { step };
        }
        let failed = |error: String| StopReason::Failed { step, error };
        let mut batch = order.as_ref().filter(|_| instruments.due(step)).cloned();
        if let Some(batches) = &mut batches {
            match select(plan, batches, workload) {
                // Kept only where a diagnostic will want it.
                Ok(chosen) => batch = instruments.due(step).then(|| chosen.to_vec()),
                Err(error) => break failed(error.to_string()),
            }
        }
        let measuring = (&mut *instruments, batch.as_deref());
        let (record, ending) = match one_step(plan, &mut trainer, workload, w, measuring, &mut watch, &mut limit) {
            Ok(Taken::Step(record)) => (record, None),
            Ok(Taken::Ends(record, reason)) => (record, Some(reason)),
            Err(TuneError::NonFinite { step, probe, .. }) => {
                break StopReason::NonFinite { step, probe: probe.to_string() };
            }
            Err(error) => break failed(error.to_string()),
        };
        unconverged += u64::from(record.converged == Some(false));
        if let Err(error) = (hooks.record)(&record) {
            break failed(error);
        }
        if let Some(reason) = ending {
            unfinished = Some(record.cost);
            break reason;
        }
    };
    if let Some(point) = trainer.evaluation_point() {
        w.copy_from_slice(point);
    }
    if batches.is_some() || order.is_some() {
        let step = trainer.steps();
        workload.select(None).map_err(|source| Error::from(TuneError::Objective { step, source }))?;
    }
    Ok(Outcome {
        stop,
        steps: trainer.steps(),
        seconds: watch.method.as_secs_f64(),
        diagnostics_seconds: watch.diagnostics.as_secs_f64(),
        cost: unfinished.unwrap_or_else(|| trainer.cost()),
        events: trainer.tuner().events().iter().chain([("unconverged_measurements", unconverged)]).collect(),
        edge: trainer.optimizer().edge(),
    })
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

enum Taken {
    Step(Record),
    Ends(Record, StopReason),
}

fn one_step<T: Real>(
    plan: &Plan,
    trainer: &mut Trainer<T>,
    workload: &mut dyn Workload<T>,
    w: &mut [T],
    (instruments, batch): (&mut Instruments<T>, Option<&[usize]>),
    watch: &mut Watch,
    limit: &mut f64,
) -> Result<Taken, TuneError> {
    let number = trainer.steps();
    let cost = trainer.cost() + workload.costs().linearize;
    let before = instruments.due(number).then(|| trainer.optimizer().duplicate());
    let started = Instant::now();
    let mut step = trainer.begin(workload, w)?;
    let loss = step.line().loss();
    if number == 0 {
        *limit = limit.max(plan.diverge_factor * loss.abs());
    }
    let ending = match plan.target_loss {
        Some(target) if loss <= target => Some(StopReason::TargetReached { step: number }),
        _ if loss > *limit => Some(StopReason::Diverged { step: number, loss, limit: *limit }),
        _ => None,
    };
    if let Some(reason) = ending {
        watch.method += started.elapsed();
        let seconds = watch.method.as_secs_f64();
        let record = Record { step: number, loss, learning_rate: f64::NAN, cost, seconds, ..Record::default() };
        return Ok(Taken::Ends(record, reason));
    }
    step.learning_rate()?;
    watch.method += started.elapsed();

    let measured = Instant::now();
    let spectrum = measure(&plan.diagnostics, number, &mut step)?;
    let left = before.map(|optimizer| Left::behind(&step, optimizer));
    watch.diagnostics += measured.elapsed();

    let finished = Instant::now();
    let report = step.finish()?;
    watch.method += finished.elapsed();
    let mut record = record(&report, spectrum, trainer.cost(), watch.method.as_secs_f64());
    let measured = Instant::now();
    if let Some(left) = left {
        let StepReport { step, loss, learning_rate, sharpness, .. } = report;
        let report = Report { step, loss, learning_rate, sharpness };
        let readings = instruments.measure(workload, &left, report, batch)?;
        (record.measured, record.density) = (readings.measured, readings.density);
    }
    instruments.advance(report.learning_rate);
    watch.diagnostics += measured.elapsed();
    Ok(Taken::Step(record))
}

fn record(report: &StepReport, spectrum: Record, cost: f64, seconds: f64) -> Record {
    Record {
        step: report.step,
        loss: report.loss,
        learning_rate: report.learning_rate,
        gradient_norm: Some(report.gradient_norm),
        update_norm: Some(report.update_norm),
        slope: report.slope,
        curvature: report.curvature,
        sharpness: report.sharpness,
        preconditioned_sharpness: report.preconditioned_sharpness,
        update_cosine: report.update_cosine,
        cost,
        seconds,
        ..spectrum
    }
}

/// Measures what is due at this step; the record that comes back holds that and nothing else.
fn measure<T: Real>(what: &Diagnostics, number: u64, step: &mut Step<'_, T>) -> Result<Record, TuneError> {
    let mut record = Record::default();
    step.line().slope()?;
    if what.curvature {
        step.line().curvature()?;
    }
    let due = what.sharpness_every > 0 && number.is_multiple_of(what.sharpness_every);
    if due {
        step.measure_sharpness(Metric::Preconditioned)?;
        if what.hessian {
            step.measure_sharpness(Metric::Hessian)?;
        }
    }
    // A tuner may have measured it at a step where it was not due.
    let Some(spectrum) = step.spectrum(Metric::Preconditioned) else { return Ok(record) };
    record.products = Some(spectrum.products as u64);
    record.converged = Some(spectrum.converged());
    record.magnitude = spectrum.dominant().map(|pair| pair.value);
    let largest = spectrum.largest();
    record.residual = largest.map(|pair| pair.residual_bound);
    record.alignment = match (largest, step.preconditioner()) {
        (None, _) => None,
        (Some(pair), None) => Some(alignment::alignment(step.update(), &pair.vector)),
        (Some(pair), Some(diagonal)) => Some(
            alignment::preconditioned_alignment(step.update(), &pair.vector, diagonal)
                .map_err(|source| TuneError::Objective { step: number, source })?,
        ),
    };
    if what.lanczos.k > 1 {
        record.eigenvalues = spectrum.algebraic().map(|pair| pair.value).collect();
    }
    if let Some(hessian) = step.spectrum(Metric::Hessian).filter(|_| what.hessian && step.preconditioner().is_some()) {
        record.products = record.products.map(|products| products + hessian.products as u64);
        record.converged = record.converged.map(|converged| converged && hessian.converged());
    }
    Ok(record)
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
