use onedge_objective::{Error as ObjectiveError, Objective, Probe, Real, vector};
use onedge_spectrum::{
    Form, Hessian, LinearOperator, Preconditioned, Sampling, SharpnessTracker, Spectrum, frobenius, hutchinson,
};

use crate::{BatchLine, Change, Conditions, Error, Line, Sharpness, Trial};

/// The coordinates in which a sharpness is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The Hessian H itself.
    Hessian,
    /// `P^-1/2 H P^-1/2` with the optimizer's preconditioner P.
    Preconditioned,
}

/// Who pays for what is computed next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payer {
    Tuner,
    Diagnostics,
}

/// Everything that may be asked about one step, answered lazily and with its cost.
pub(crate) struct Probes<'a, T: Real> {
    pub(crate) objective: &'a mut dyn Objective<T>,
    pub(crate) w: &'a mut [T],
    pub(crate) gradient: &'a [T],
    pub(crate) update: &'a [T],
    pub(crate) preconditioner: Option<&'a [T]>,
    pub(crate) previous: Option<Previous<'a, T>>,
    pub(crate) first: Option<&'a [T]>,
    pub(crate) scratch: &'a mut Scratch<T>,
    pub(crate) trackers: &'a mut Trackers,
    pub(crate) conditions: Conditions,
    /// Whether the optimizer forgot earlier directions at this step.
    pub(crate) restarted: bool,
    pub(crate) step: u64,
    pub(crate) loss: f64,
    pub(crate) gradient_norm: f64,
    pub(crate) update_norm: f64,
    pub(crate) payer: Payer,
    pub(crate) asked: Asked<T>,
    pub(crate) center: Center,
    /// The number of parts of the batch, 1 if it is not divided.
    pub(crate) parts: usize,
}

/// Where the objective is linearised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Center {
    Parameters,
    Trial,
}

/// Vectors that are filled anew whenever they are used, empty until then.
pub(crate) struct Scratch<T> {
    point: Vec<T>,
    gradient: Vec<T>,
}

impl<T> Scratch<T> {
    pub(crate) fn empty() -> Self {
        Self { point: Vec::new(), gradient: Vec::new() }
    }
}

/// The step before.
#[derive(Clone, Copy)]
pub(crate) struct Previous<'a, T> {
    pub(crate) gradient: Option<&'a [T]>,
    pub(crate) update: &'a [T],
    pub(crate) update_norm: f64,
    pub(crate) learning_rate: f64,
}

/// One tracker for each metric, kept along the run.
pub(crate) struct Trackers {
    pub(crate) hessian: SharpnessTracker,
    pub(crate) preconditioned: SharpnessTracker,
}

/// What was asked so far.
pub(crate) struct Asked<T> {
    pub(crate) slope: Option<f64>,
    pub(crate) curvature: Answer<f64>,
    pub(crate) part_curvature: Answer<f64>,
    gauss_newton: Answer<f64>,
    pub(crate) batch_line: Answer<BatchLine>,
    pub(crate) hessian: Answer<Spectrum<T>>,
    pub(crate) preconditioned: Answer<Spectrum<T>>,
    /// What is asked anew every time.
    anew: Spent,
}

impl<T> Asked<T> {
    pub(crate) fn nothing() -> Self {
        Self {
            slope: None,
            curvature: Answer::none(),
            part_curvature: Answer::none(),
            gauss_newton: Answer::none(),
            batch_line: Answer::none(),
            hessian: Answer::none(),
            preconditioned: Answer::none(),
            anew: Spent::default(),
        }
    }

    /// What the tuner's questions cost and what the others did. An answer that both used is the tuner's.
    pub(crate) fn spent(&self) -> Spent {
        let mut spent = self.anew;
        spent.add(self.curvature.payer, self.curvature.cost);
        spent.add(self.part_curvature.payer, self.part_curvature.cost);
        spent.add(self.gauss_newton.payer, self.gauss_newton.cost);
        spent.add(self.batch_line.payer, self.batch_line.cost);
        spent.add(self.hessian.payer, self.hessian.cost);
        spent.add(self.preconditioned.payer, self.preconditioned.cost);
        spent
    }
}

/// Cost in evaluations of the loss.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) tuner: f64,
    pub(crate) diagnostics: f64,
}

impl Spent {
    fn add(&mut self, payer: Payer, cost: f64) {
        match payer {
            Payer::Tuner => self.tuner += cost,
            Payer::Diagnostics => self.diagnostics += cost,
        }
    }
}

/// A quantity that is computed at most once.
pub(crate) struct Answer<V> {
    pub(crate) value: Option<V>,
    payer: Payer,
    cost: f64,
}

impl<V> Answer<V> {
    fn none() -> Self {
        Self { value: None, payer: Payer::Diagnostics, cost: 0.0 }
    }

    /// Whether it is still to be computed; a tuner that asks takes over the bill.
    fn open(&mut self, payer: Payer) -> bool {
        if payer == Payer::Tuner {
            self.payer = payer;
        }
        self.value.is_none()
    }

    fn set(&mut self, value: V, cost: f64) {
        self.value = Some(value);
        self.cost = cost;
    }
}

impl<T: Real> Probes<'_, T> {
    /// The spectrum in `metric`, from the run's tracker. Without a preconditioner both metrics are the Hessian.
    pub(crate) fn spectrum(&mut self, metric: Metric) -> Result<&Spectrum<T>, Error> {
        let scaling = if metric == Metric::Preconditioned { self.preconditioner } else { None };
        let payer = self.payer;
        if self.answer(scaling.is_some()).open(payer) {
            self.linearize_at_parameters()?;
            let cost = self.objective.costs().hessian_vector;
            let mut hessian = Hessian::new(&mut *self.objective);
            let measured = match scaling {
                None => self.trackers.hessian.measure(&mut hessian),
                Some(diagonal) => Preconditioned::new(&mut hessian, diagonal)
                    .and_then(|mut scaled| self.trackers.preconditioned.measure(&mut scaled)),
            };
            let spectrum = measured.map_err(|error| Error::spectrum(self.step, error))?;
            let cost = cost * spectrum.products as f64;
            self.answer(scaling.is_some()).set(spectrum, cost);
        }
        let answer = self.answer(scaling.is_some());
        Ok(answer.value.as_ref().unwrap_or_else(|| unreachable!("measured above")))
    }

    fn answer(&mut self, scaled: bool) -> &mut Answer<Spectrum<T>> {
        if scaled { &mut self.asked.preconditioned } else { &mut self.asked.hessian }
    }

    /// Takes the objective back to w after a trial.
    fn linearize_at_parameters(&mut self) -> Result<(), Error> {
        if self.center == Center::Trial {
            self.scratch.gradient.resize(self.w.len(), T::ZERO);
            self.asked.anew.add(self.payer, self.objective.costs().linearize);
            let loss = self.objective.linearize(self.w, &mut self.scratch.gradient);
            Error::require_finite(self.step, Probe::Loss, loss.map_err(|error| self.objective_error(error))?)?;
            self.center = Center::Parameters;
        }
        Ok(())
    }

    fn objective_error(&self, error: ObjectiveError) -> Error {
        Error::objective(self.step, error)
    }
}

impl<T: Real> Line for Probes<'_, T> {
    fn step(&self) -> u64 {
        self.step
    }

    fn conditions(&self) -> Conditions {
        self.conditions
    }

    fn rounding(&self) -> f64 {
        if T::NAME == "f32" { f64::from(f32::EPSILON) } else { f64::EPSILON }
    }

    fn restarted(&self) -> bool {
        self.restarted
    }

    fn loss(&self) -> f64 {
        self.loss
    }

    fn slope(&mut self) -> Result<f64, Error> {
        let slope = match self.asked.slope {
            Some(slope) => slope,
            None => Error::require_finite(self.step, Probe::Slope, vector::dot(self.gradient, self.update))?,
        };
        self.asked.slope = Some(slope);
        Ok(slope)
    }

    fn curvature(&mut self) -> Result<f64, Error> {
        if !self.asked.curvature.open(self.payer)
            && let Some(curvature) = self.asked.curvature.value
        {
            return Ok(curvature);
        }
        self.linearize_at_parameters()?;
        let curvature = self.objective.curvature(self.update).map_err(|error| self.objective_error(error))?;
        let curvature = Error::require_finite(self.step, Probe::Curvature, curvature)?;
        self.asked.curvature.set(curvature, self.objective.costs().curvature);
        Ok(curvature)
    }

    fn part_curvature(&mut self) -> Result<f64, Error> {
        if !self.asked.part_curvature.open(self.payer)
            && let Some(curvature) = self.asked.part_curvature.value
        {
            return Ok(curvature);
        }
        self.linearize_at_parameters()?;
        let curvature = self.objective.part_curvature(self.update).map_err(|error| self.objective_error(error))?;
        let curvature = Error::require_finite(self.step, Probe::PartCurvature, curvature)?;
        self.asked
            .part_curvature
            .set(curvature, self.objective.costs().curvature * self.objective.part_share(self.parts));
        Ok(curvature)
    }

    fn gauss_newton_curvature(&mut self) -> Result<f64, Error> {
        if !self.asked.gauss_newton.open(self.payer)
            && let Some(curvature) = self.asked.gauss_newton.value
        {
            return Ok(curvature);
        }
        self.linearize_at_parameters()?;
        self.scratch.point.resize(self.w.len(), T::ZERO);
        let product = &mut self.scratch.point;
        let applied = self.objective.gauss_newton_vector(self.update, product);
        let curvature = vector::dot(self.update, product);
        applied.map_err(|error| self.objective_error(error))?;
        let curvature = Error::require_finite(self.step, Probe::GaussNewtonVector, curvature)?;
        self.asked.gauss_newton.set(curvature, self.objective.costs().gauss_newton_vector);
        Ok(curvature)
    }

    fn batch_line(&mut self) -> Result<BatchLine, Error> {
        if !self.asked.batch_line.open(self.payer)
            && let Some(line) = self.asked.batch_line.value
        {
            return Ok(line);
        }
        self.linearize_at_parameters()?;
        let step = self.step;
        let failed = |error| Error::objective(step, error);
        let (costs, of) = (self.objective.costs(), self.parts);
        let Scratch { point: update, gradient: part } = &mut *self.scratch;
        let gradient = if of > 1 {
            part.resize(self.w.len(), T::ZERO);
            self.objective.part_gradient(part).map_err(failed)?;
            &*part
        } else {
            self.gradient
        };
        update.clear();
        match self.preconditioner {
            None => update.extend(gradient.iter().map(|&g| -g)),
            Some(diagonal) => update.extend(gradient.iter().zip(diagonal).map(|(&g, &d)| -g / d)),
        }
        let descent = Error::require_finite(step, Probe::Slope, -vector::dot(gradient, update))?;
        let (probe, curvature) = if of > 1 {
            (Probe::PartCurvature, self.objective.part_curvature(update))
        } else {
            (Probe::Curvature, self.objective.curvature(update))
        };
        let curvature = Error::require_finite(step, probe, curvature.map_err(failed)?)?;
        let gradients = if of > 1 { costs.linearize } else { 0.0 };
        let line = BatchLine { descent, curvature };
        let share = if of > 1 { self.objective.part_share(of) } else { 1.0 };
        self.asked.batch_line.set(line, (gradients + costs.curvature) * share);
        Ok(line)
    }

    fn over_signs(&mut self, form: Form, samples: usize) -> Result<f64, Error> {
        self.linearize_at_parameters()?;
        // Other vectors at every step, and other ones than Lanczos starts from, whose seeds count on from the same.
        let seed = self.trackers.hessian.options().seed ^ self.step.wrapping_add(1).wrapping_mul(0xd134_2543_de82_ef95);
        let sampling = Sampling::exactly(samples, seed);
        let mean = |operator: &mut dyn LinearOperator<T>| match form {
            Form::Trace => hutchinson(operator, &sampling).map(|found| found.value),
            Form::Squares => frobenius(operator, &sampling).map(|found| found.value.powi(2)),
        };
        self.asked.anew.add(self.payer, self.objective.costs().hessian_vector * samples as f64);
        let mut hessian = Hessian::new(&mut *self.objective);
        let value = match self.preconditioner {
            None => mean(&mut hessian),
            Some(diagonal) => Preconditioned::new(&mut hessian, diagonal).and_then(|mut scaled| mean(&mut scaled)),
        };
        value.map_err(|error| Error::spectrum(self.step, error))
    }

    fn value(&mut self, learning_rate: f64) -> Result<f64, Error> {
        let point = &mut self.scratch.point;
        point.resize(self.w.len(), T::ZERO);
        vector::add_scaled(self.w, learning_rate, self.update, point);
        self.asked.anew.add(self.payer, 1.0);
        match self.objective.loss(point) {
            Ok(value) => Ok(value),
            Err(ObjectiveError::NonFinite { value, .. }) => Ok(value),
            Err(error) => Err(self.objective_error(error)),
        }
    }

    fn gradient_norm(&mut self) -> Result<f64, Error> {
        Ok(self.gradient_norm)
    }

    fn update_norm(&mut self) -> Result<f64, Error> {
        Ok(self.update_norm)
    }

    fn sharpness(&mut self) -> Result<Sharpness, Error> {
        let largest = self.spectrum(Metric::Preconditioned)?.largest();
        let sharpness = largest.map(|pair| Sharpness { value: pair.value, converged: pair.converged });
        sharpness.ok_or(Error::NoLargest)
    }

    fn previous_cosine(&mut self) -> Option<f64> {
        let previous = self.previous.as_ref()?;
        Some(ratio(vector::dot(self.gradient, previous.update), self.gradient_norm * previous.update_norm))
    }

    fn previous_learning_rate(&self) -> Option<f64> {
        self.previous.as_ref().map(|previous| previous.learning_rate)
    }

    fn trial(&mut self, learning_rate: f64) -> Result<Trial, Error> {
        let Scratch { point, gradient } = &mut *self.scratch;
        point.resize(self.w.len(), T::ZERO);
        gradient.resize(self.w.len(), T::ZERO);
        vector::add_scaled(self.w, learning_rate, self.update, point);
        self.asked.anew.add(self.payer, self.objective.costs().linearize);
        self.center = Center::Trial;
        match self.objective.linearize(point, gradient) {
            Ok(value) => {
                let slope = vector::dot(gradient, self.update);
                Ok(Trial { value, slope: if value.is_finite() && slope.is_finite() { slope } else { f64::NAN } })
            }
            Err(ObjectiveError::NonFinite { value, .. }) => Ok(Trial { value, slope: f64::NAN }),
            Err(error) => Err(self.objective_error(error)),
        }
    }

    fn change(&mut self) -> Result<Option<Change>, Error> {
        let Some(Previous { gradient: Some(gradient), update, update_norm, learning_rate }) = self.previous else {
            return Ok(None);
        };
        let difference = &mut self.scratch.point;
        difference.resize(self.w.len(), T::ZERO);
        vector::add_scaled(self.gradient, -1.0, gradient, difference);
        let gradient_square = vector::dot(difference, difference);
        Ok(Some(Change {
            step_square: (learning_rate * update_norm).powi(2),
            product: learning_rate * vector::dot(update, difference),
            gradient_square: Error::require_finite(self.step, Probe::Gradient, gradient_square)?,
        }))
    }

    fn distance(&mut self) -> Result<Option<f64>, Error> {
        let Some(first) = self.first else { return Ok(None) };
        let difference = &mut self.scratch.point;
        difference.resize(self.w.len(), T::ZERO);
        vector::add_scaled(self.w, -1.0, first, difference);
        Ok(Some(vector::norm(difference)))
    }

    fn parameter_norm(&mut self) -> Result<f64, Error> {
        Ok(vector::norm(self.w))
    }
}

/// The cosine, given the dot product and the product of the norms; 0 if a vector is zero.
pub(crate) fn ratio(dot: f64, norms: f64) -> f64 {
    if norms == 0.0 { 0.0 } else { dot / norms }
}
