use onedge_objective::{Objective, Probe, Real, vector};
use onedge_spectrum::{Lanczos, SharpnessTracker, Wanted};

use crate::probes::{Asked, Payer, Previous, Probes, Trackers};
use crate::{Error, Optimizer, State, Step, StepReport, Tuner};

/// An optimizer and a tuner, and all that is kept from one step to the next.
///
/// Cost: four vectors of the length of the parameters (one only with a linesearch) besides the optimizer's own;
/// a fifth for each sharpness that is tracked.
pub struct Trainer<T: Real> {
    optimizer: Box<dyn Optimizer<T>>,
    tuner: Box<dyn Tuner>,
    gradient: Vec<T>,
    /// This update and the one before, in turns: the update of step t is number t modulo 2.
    updates: [Vec<T>; 2],
    trial: Vec<T>,
    trackers: Trackers<T>,
    progress: Progress,
}

/// Where a trainer stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) steps: u64,
    pub(crate) learning_rate: f64,
    pub(crate) update_norm: f64,
    pub(crate) cost: f64,
    pub(crate) diagnostics_cost: f64,
}

/// The state of a [`Trainer`], to be stored; the parameters themselves are the caller's.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainerState<T> {
    /// Step count, costs, the last rate and update, and where the spectrum is next sought.
    pub trainer: State<T>,
    /// The optimizer's.
    pub optimizer: State<T>,
    /// The tuner's.
    pub tuner: State<f64>,
}

impl<T: Real> Trainer<T> {
    /// A trainer for `dim` parameters. `spectrum` says how sharpness is measured, if anybody asks.
    ///
    /// # Errors
    /// If `spectrum` wants magnitude alone: a sharpness is a largest value.
    pub fn new(
        dim: usize,
        optimizer: Box<dyn Optimizer<T>>,
        tuner: Box<dyn Tuner>,
        spectrum: Lanczos,
    ) -> Result<Self, Error> {
        if spectrum.wanted == Wanted::Magnitude {
            return Err(Error::NoLargest);
        }
        let zeros = || vec![T::ZERO; dim];
        Ok(Self {
            optimizer,
            tuner,
            gradient: zeros(),
            updates: [zeros(), zeros()],
            trial: Vec::new(),
            trackers: Trackers {
                hessian: SharpnessTracker::new(spectrum),
                preconditioned: SharpnessTracker::new(spectrum),
            },
            progress: Progress { steps: 0, learning_rate: 0.0, update_norm: 0.0, cost: 0.0, diagnostics_cost: 0.0 },
        })
    }

    /// Linearises at `w` and computes the update; the rate is set, and `w` moved, by [`Step::finish`]. In between the
    /// objective stays linearised at `w`, for diagnostics.
    ///
    /// # Errors
    /// A loss, gradient or update that is not finite, named with the step. After an error, here or in a [`Step`], the
    /// optimizer may have advanced: the run is over, or goes on from a stored state.
    pub fn begin<'a>(&'a mut self, objective: &'a mut dyn Objective<T>, w: &'a mut [T]) -> Result<Step<'a, T>, Error> {
        let step = self.progress.steps;
        Error::require_length("parameters", self.gradient.len(), w.len())?;
        let loss = objective.linearize(w, &mut self.gradient).map_err(|error| Error::objective(step, error))?;
        let loss = Error::require_finite(step, Probe::Loss, loss)?;
        let gradient_norm = Error::require_finite(step, Probe::Gradient, vector::norm(&self.gradient))?;
        let [even, odd] = &mut self.updates;
        let (update, previous) = if step.is_multiple_of(2) { (even, odd) } else { (odd, even) };
        self.optimizer.direction(w, &self.gradient, update)?;
        let update_norm = Error::require_finite(step, Probe::Update, vector::norm(update))?;
        // Squares of gradients overflow before the gradients do, and an update over infinity is a harmless-looking zero.
        if let Some(diagonal) = self.optimizer.preconditioner() {
            Error::require_finite(step, Probe::Preconditioner, vector::norm(diagonal))?;
        }
        let Progress { learning_rate, update_norm: previous_norm, .. } = self.progress;
        let previous = (step > 0).then_some(Previous { update: previous, update_norm: previous_norm, learning_rate });
        let probes = Probes {
            objective,
            w,
            gradient: &self.gradient,
            update,
            preconditioner: self.optimizer.preconditioner(),
            previous,
            trial: &mut self.trial,
            trackers: &mut self.trackers,
            step,
            loss,
            gradient_norm,
            update_norm,
            payer: Payer::Diagnostics,
            asked: Asked::nothing(),
        };
        Ok(Step::new(probes, &mut *self.tuner, &mut self.progress))
    }

    /// A whole step: [`begin`](Self::begin) and [`finish`](Step::finish).
    ///
    /// # Errors
    /// Those of both.
    pub fn step(&mut self, objective: &mut dyn Objective<T>, w: &mut [T]) -> Result<StepReport, Error> {
        self.begin(objective, w)?.finish()
    }

    /// Steps finished so far.
    pub fn steps(&self) -> u64 {
        self.progress.steps
    }

    /// What the method spent so far, in evaluations of the loss.
    pub fn cost(&self) -> f64 {
        self.progress.cost
    }

    /// What diagnostics spent beyond that.
    pub fn diagnostics_cost(&self) -> f64 {
        self.progress.diagnostics_cost
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &dyn Optimizer<T> {
        &*self.optimizer
    }

    /// The tuner, with its events.
    pub fn tuner(&self) -> &dyn Tuner {
        &*self.tuner
    }

    /// Everything that the next step depends on, parameters apart.
    pub fn state(&self) -> TrainerState<T> {
        let Progress { steps, learning_rate, update_norm, cost, diagnostics_cost } = self.progress;
        let mut trainer = State::new()
            .with_scalar("steps", steps as f64)
            .with_scalar("learning_rate", learning_rate)
            .with_scalar("update_norm", update_norm)
            .with_scalar("cost", cost)
            .with_scalar("diagnostics_cost", diagnostics_cost)
            .with_vector("update", self.updates[last(steps)].clone());
        for (name, tracker) in [("hessian", &self.trackers.hessian), ("preconditioned", &self.trackers.preconditioned)]
        {
            trainer = trainer.with_scalar(&format!("{name}_measurements"), tracker.measurements() as f64);
            if let Some(start) = tracker.start() {
                trainer = trainer.with_vector(&format!("{name}_start"), start.to_vec());
            }
        }
        TrainerState { trainer, optimizer: self.optimizer.state(), tuner: self.tuner.state() }
    }

    /// Puts back what [`state`](Self::state) gave: the steps that follow have the same bits.
    ///
    /// # Errors
    /// A state of another optimizer, tuner or number of parameters.
    pub fn restore(&mut self, state: TrainerState<T>) -> Result<(), Error> {
        let mut reader = state.trainer.reader("trainer");
        let steps = reader.count("steps")?;
        let progress = Progress {
            steps,
            learning_rate: reader.scalar("learning_rate")?,
            update_norm: reader.scalar("update_norm")?,
            cost: reader.scalar("cost")?,
            diagnostics_cost: reader.scalar("diagnostics_cost")?,
        };
        let update = reader.vector("update")?;
        Error::require_length("update", self.gradient.len(), update.len())?;
        for (name, tracker) in
            [("hessian", &mut self.trackers.hessian), ("preconditioned", &mut self.trackers.preconditioned)]
        {
            let start = reader.optional_vector(&format!("{name}_start"));
            tracker.restore(start, reader.count(&format!("{name}_measurements"))?);
        }
        reader.finish()?;
        self.optimizer.restore(state.optimizer)?;
        self.tuner.restore(state.tuner)?;
        self.updates[last(steps)] = update;
        self.progress = progress;
        Ok(())
    }
}

/// Which buffer holds the last update after `steps` steps.
fn last(steps: u64) -> usize {
    usize::from(steps.is_multiple_of(2))
}
