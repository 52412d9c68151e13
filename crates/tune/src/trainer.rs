use onedge_objective::{Layer, Objective, Part, Probe, Real, State, vector};
use onedge_spectrum::{Lanczos, SharpnessTracker, Wanted};

use crate::probes::{Asked, Center, Payer, Previous, Probes, Scratch, Trackers};
use crate::progress::Progress;
use crate::{Conditions, Error, LossLimit, Needs, Optimizer, Step, StepReport, Tuner};

/// An optimizer and a tuner, and all that is kept from one step to the next.
///
/// Cost: three vectors of the length of the parameters besides the optimizer's own; one more with a linesearch, two if
/// it asks for slopes; one for each vector that the tuner needs kept, and for each sharpness that is tracked.
pub struct Trainer<T: Real> {
    optimizer: Box<dyn Optimizer<T>>,
    tuner: Box<dyn Tuner>,
    needs: Needs,
    /// This gradient and the one before, in turns as the updates; empty until there is one. The second is never used
    /// unless needed.
    gradients: [Vec<T>; 2],
    /// This update and the one before, in turns: the update of step t is number t modulo 2.
    updates: [Vec<T>; 2],
    /// The first parameters, if needed.
    first: Vec<T>,
    scratch: Scratch<T>,
    trackers: Trackers,
    progress: Progress,
    conditions: Conditions,
    loss_limit: Option<LossLimit>,
    /// What the loss may be at most, from the first step on, if it is limited.
    most: Option<f64>,
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
        let (zeros, needs) = (|| vec![T::ZERO; dim], tuner.needs());
        let conditions = Conditions { edge: optimizer.edge(), ..Conditions::UNKNOWN };
        Ok(Self {
            optimizer,
            tuner,
            needs,
            gradients: [Vec::new(), Vec::new()],
            updates: [zeros(), zeros()],
            first: Vec::new(),
            scratch: Scratch::empty(),
            trackers: Trackers {
                hessian: SharpnessTracker::new(spectrum),
                preconditioned: SharpnessTracker::new(spectrum),
            },
            progress: Progress::default(),
            conditions,
            loss_limit: None,
            most: None,
        })
    }

    /// Tells the optimizer which tensors the parameters are, for one that treats them by their shapes; before the first
    /// step and before any [`restore`](Self::restore).
    ///
    /// # Errors
    /// Layers that do not cover the parameters one after the other; those of the optimizer.
    ///
    /// # Example
    /// ```
    /// use onedge_objective::Layer;
    /// use onedge_spectrum::Lanczos;
    /// use onedge_tune::{Trainer, optimizers::Adam, tuners::Constant};
    ///
    /// let layers = Layer::in_order([("weight", vec![4, 3]), ("bias", vec![3])]);
    /// let (optimizer, tuner) = (Box::new(Adam::paper()), Box::new(Constant::new(1e-3)?));
    /// let trainer = Trainer::<f64>::new(15, optimizer, tuner, Lanczos::top(1, 0))?.with_layers(&layers)?;
    /// # Ok::<(), onedge_tune::Error>(())
    /// ```
    pub fn with_layers(mut self, layers: &[Layer]) -> Result<Self, Error> {
        Layer::require_cover(layers, self.dim()).map_err(Error::Layers)?;
        self.optimizer.set_layers(layers)?;
        Ok(self)
    }

    /// Ends the run, with [`Error::Diverged`], at a step whose loss is above this limit; without it only a loss that is not
    /// finite does. To be said before the first step.
    pub fn with_loss_limit(self, limit: LossLimit) -> Self {
        Self { loss_limit: Some(limit), ..self }
    }

    /// Shows only at every `refresh`-th measurement of the sharpness, 1 or more, that nothing larger is hidden, and follows the eigenvector in
    /// between: see [`SharpnessTracker::refreshing_every`].
    ///
    /// # Errors
    /// 0, or more than 1 where not the one largest eigenvalue alone is wanted.
    pub fn refreshing_every(mut self, refresh: u64) -> Result<Self, Error> {
        let follow = |tracker: &SharpnessTracker| {
            tracker.clone().refreshing_every(refresh).map_err(|error| Error::spectrum(0, error))
        };
        let Trackers { hessian, preconditioned } = &self.trackers;
        self.trackers = Trackers { hessian: follow(hessian)?, preconditioned: follow(preconditioned)? };
        Ok(self)
    }

    /// Says that the run is to have so many steps, for a tuner that comes down towards the end. What is then trained beyond
    /// them stands still with such a tuner.
    pub fn for_steps(mut self, steps: u64) -> Self {
        self.conditions.steps = Some(steps);
        self
    }

    /// Says that every step sees all examples, for a tuner that is more careful with mini-batches.
    pub fn in_full_batch(mut self) -> Self {
        self.conditions.full_batch = true;
        self
    }

    /// Linearises at `w` and computes the update; the rate is set, and `w` moved, by [`Step::finish`]. In between the
    /// objective stays linearised at `w`, for diagnostics.
    ///
    /// # Errors
    /// A loss, gradient or update that is not finite, named with the step; a loss [above the
    /// limit](Self::with_loss_limit), where nothing has advanced and `w` is the point with that loss. After any other error,
    /// here or in a [`Step`], the optimizer may have advanced: the run is over, or goes on from a stored state.
    pub fn begin<'a>(&'a mut self, objective: &'a mut dyn Objective<T>, w: &'a mut [T]) -> Result<Step<'a, T>, Error> {
        let step = self.begin_unless(objective, w, &mut |_| false)?;
        Ok(step.unwrap_or_else(|| unreachable!("nothing stops it")))
    }

    /// The same, unless `stop` says so of the loss at `w`: then there is no step, and neither optimizer nor tuner has
    /// advanced.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin).
    pub fn begin_unless<'a>(
        &'a mut self,
        objective: &'a mut dyn Objective<T>,
        w: &'a mut [T],
        stop: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Step<'a, T>>, Error> {
        let step = self.progress.steps;
        Error::require_length("parameters", self.dim(), w.len())?;
        let [even, odd] = &mut self.gradients;
        let (gradient, previous_gradient) = match (self.needs.previous_gradient, step.is_multiple_of(2)) {
            (false, _) => (even, None),
            (true, true) => (even, Some(&*odd)),
            (true, false) => (odd, Some(&*even)),
        };
        let previous_gradient = previous_gradient.filter(|gradient| !gradient.is_empty());
        gradient.resize(w.len(), T::ZERO);
        if self.needs.first_point && self.first.is_empty() {
            self.first = w.to_vec();
        }
        let of = self.needs.parts.unwrap_or(1).max(1);
        let part = Part { index: (self.progress.parts % of as u64) as usize, of };
        objective.set_part(self.needs.parts.map(|_| part)).map_err(|error| Error::objective(step, error))?;
        let loss = objective.linearize(w, gradient).map_err(|error| Error::objective(step, error))?;
        let loss = Error::require_finite(step, Probe::Loss, loss)?;
        if let Some(limit) = self.loss_limit {
            let limit = *self.most.get_or_insert_with(|| limit.after(loss));
            if loss > limit {
                return Err(Error::Diverged { step, loss, limit });
            }
        }
        if stop(loss) {
            return Ok(None);
        }
        let gradient_norm = Error::require_finite(step, Probe::Gradient, vector::norm(gradient))?;
        let [even, odd] = &mut self.updates;
        let (update, previous) = if step.is_multiple_of(2) { (even, odd) } else { (odd, even) };
        self.optimizer.direction(w, gradient, update)?;
        // An update that is not finite makes no comparison true.
        let uphill = self.needs.descent
            && self.conditions.full_batch
            && gradient_norm > 0.0
            && vector::dot(gradient, update) >= 0.0;
        let restarted = uphill && self.optimizer.restart(w, gradient, update)?;
        let update_norm = Error::require_finite(step, Probe::Update, vector::norm(update))?;
        // Squares of gradients overflow before the gradients do, and an update over infinity is a harmless-looking zero.
        if let Some(diagonal) = self.optimizer.preconditioner() {
            Error::require_finite(step, Probe::Preconditioner, vector::norm(diagonal))?;
        }
        let Progress { learning_rate, update_norm: previous_norm, .. } = self.progress;
        let gradient_before = previous_gradient.map(Vec::as_slice);
        let previous =
            Previous { gradient: gradient_before, update: previous, update_norm: previous_norm, learning_rate };
        let probes = Probes {
            objective,
            w,
            gradient,
            update,
            preconditioner: self.optimizer.preconditioner(),
            previous: (step > 0).then_some(previous),
            first: self.needs.first_point.then_some(&self.first),
            scratch: &mut self.scratch,
            trackers: &mut self.trackers,
            conditions: self.conditions,
            restarted,
            step,
            loss,
            gradient_norm,
            update_norm,
            payer: Payer::Diagnostics,
            asked: Asked::nothing(),
            center: Center::Parameters,
            parts: of,
        };
        Ok(Some(Step::new(probes, &mut *self.tuner, &mut self.progress)))
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

    /// What the tuner needs.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &dyn Optimizer<T> {
        &*self.optimizer
    }

    /// The tuner, with its events.
    pub fn tuner(&self) -> &dyn Tuner {
        &*self.tuner
    }

    /// The parameters to evaluate and to keep, where they are not those at which gradients are taken: see
    /// [`Optimizer::evaluation_point`].
    pub fn evaluation_point(&self) -> Option<&[T]> {
        self.optimizer.evaluation_point()
    }

    fn dim(&self) -> usize {
        self.updates[0].len()
    }

    /// Everything that the next step depends on, parameters apart.
    pub fn state(&self) -> TrainerState<T> {
        let Progress { steps, learning_rate, update_norm, cost, diagnostics_cost, parts } = self.progress;
        let mut trainer = State::new()
            .with_scalar("steps", steps as f64)
            .with_scalar("learning_rate", learning_rate)
            .with_scalar("update_norm", update_norm)
            .with_scalar("cost", cost)
            .with_scalar("diagnostics_cost", diagnostics_cost)
            .with_vector("update", self.updates[last(steps)].clone())
            .with_part("hessian", self.trackers.hessian.state())
            .with_part("preconditioned", self.trackers.preconditioned.state());
        if let Some(most) = self.most {
            trainer = trainer.with_scalar("most", most);
        }
        if self.needs.parts.is_some() {
            trainer = trainer.with_scalar("parts", parts as f64);
        }
        if self.needs.previous_gradient && !self.gradients[last(steps)].is_empty() {
            trainer = trainer.with_vector("gradient", self.gradients[last(steps)].clone());
        }
        if self.needs.first_point && !self.first.is_empty() {
            trainer = trainer.with_vector("first", self.first.clone());
        }
        TrainerState { trainer, optimizer: self.optimizer.state(), tuner: self.tuner.state() }
    }

    /// Puts back what [`state`](Self::state) gave: the steps that follow have the same bits.
    ///
    /// A tuner may take over from another: the optimizer's or the tuner's state is then that of a new one, and what the
    /// tuner wants kept may be missing. It is then told of no earlier gradient at its first step, and of the parameters
    /// there as the first point.
    ///
    /// # Errors
    /// A state of another optimizer, tuner or number of parameters.
    pub fn restore(&mut self, state: TrainerState<T>) -> Result<(), Error> {
        let mut reader = state.trainer.reader("trainer");
        let progress = Progress {
            steps: reader.count("steps")?,
            learning_rate: reader.scalar("learning_rate")?,
            update_norm: reader.scalar("update_norm")?,
            cost: reader.scalar("cost")?,
            diagnostics_cost: reader.scalar("diagnostics_cost")?,
            // Kept by tuners that take parts alone; another may have gone before.
            parts: reader.optional_scalar("parts").unwrap_or_default() as u64,
        };
        // That of a run that had a limit; one that has none now forgets it.
        let most = reader.optional_scalar("most").filter(|_| self.loss_limit.is_some());
        let update = reader.vector("update")?;
        Error::require_length("update", self.dim(), update.len())?;
        let mut kept = |name: &'static str, needed: bool| {
            let vector = reader.optional_vector(name).filter(|_| needed);
            vector.iter().try_for_each(|vector| Error::require_length(name, self.dim(), vector.len()))?;
            Ok::<_, Error>(vector.unwrap_or_default())
        };
        let gradient = kept("gradient", self.needs.previous_gradient)?;
        let first = kept("first", self.needs.first_point)?;
        let (hessian, preconditioned) = (reader.part("hessian"), reader.part("preconditioned"));
        reader.finish()?;
        self.trackers.hessian.restore(hessian)?;
        self.trackers.preconditioned.restore(preconditioned)?;
        self.optimizer.restore(state.optimizer)?;
        self.tuner.restore(state.tuner)?;
        self.updates[last(progress.steps)] = update;
        if self.needs.previous_gradient {
            self.gradients[last(progress.steps)] = gradient;
        }
        (self.first, self.progress, self.most) = (first, progress, most);
        Ok(())
    }
}

/// Which buffer holds the last update, and the last gradient of two, after `steps` steps.
fn last(steps: u64) -> usize {
    usize::from(steps.is_multiple_of(2))
}
