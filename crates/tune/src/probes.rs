use onedge_objective::{Error as ObjectiveError, Objective, Probe, Real, vector};
use onedge_spectrum::{Hessian, Preconditioned, SharpnessTracker, Spectrum};

use crate::{Error, Line, Sharpness};

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
    pub(crate) trial: &'a mut Vec<T>,
    pub(crate) trackers: &'a mut Trackers<T>,
    pub(crate) step: u64,
    pub(crate) loss: f64,
    pub(crate) gradient_norm: f64,
    pub(crate) update_norm: f64,
    pub(crate) payer: Payer,
    pub(crate) asked: Asked<T>,
}

/// The step before.
pub(crate) struct Previous<'a, T> {
    pub(crate) update: &'a [T],
    pub(crate) update_norm: f64,
    pub(crate) learning_rate: f64,
}

/// One tracker for each metric, kept along the run.
pub(crate) struct Trackers<T> {
    pub(crate) hessian: SharpnessTracker<T>,
    pub(crate) preconditioned: SharpnessTracker<T>,
}

/// What was asked so far.
pub(crate) struct Asked<T> {
    pub(crate) slope: Option<f64>,
    pub(crate) curvature: Answer<f64>,
    pub(crate) hessian: Answer<Spectrum<T>>,
    pub(crate) preconditioned: Answer<Spectrum<T>>,
    trials: Spent,
}

impl<T> Asked<T> {
    pub(crate) fn nothing() -> Self {
        Self {
            slope: None,
            curvature: Answer::none(),
            hessian: Answer::none(),
            preconditioned: Answer::none(),
            trials: Spent::default(),
        }
    }

    /// What the tuner's questions cost and what the others did. An answer that both used is the tuner's.
    pub(crate) fn spent(&self) -> Spent {
        let mut spent = self.trials;
        spent.add(self.curvature.payer, self.curvature.cost);
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
        let answer = match scaling {
            Some(_) => &mut self.asked.preconditioned,
            None => &mut self.asked.hessian,
        };
        if answer.open(self.payer) {
            let cost = self.objective.costs().hessian_vector;
            let mut hessian = Hessian::new(&mut *self.objective);
            let measured = match scaling {
                None => self.trackers.hessian.measure(&mut hessian),
                Some(diagonal) => Preconditioned::new(&mut hessian, diagonal)
                    .and_then(|mut scaled| self.trackers.preconditioned.measure(&mut scaled)),
            };
            let spectrum = measured.map_err(|error| Error::spectrum(self.step, error))?;
            let cost = cost * spectrum.products as f64;
            answer.set(spectrum, cost);
        }
        Ok(answer.value.as_ref().unwrap_or_else(|| unreachable!("measured above")))
    }

    fn objective_error(&self, error: ObjectiveError) -> Error {
        Error::objective(self.step, error)
    }
}

impl<T: Real> Line for Probes<'_, T> {
    fn step(&self) -> u64 {
        self.step
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
        let curvature = self.objective.curvature(self.update).map_err(|error| self.objective_error(error))?;
        let curvature = Error::require_finite(self.step, Probe::Curvature, curvature)?;
        self.asked.curvature.set(curvature, self.objective.costs().curvature);
        Ok(curvature)
    }

    fn value(&mut self, learning_rate: f64) -> Result<f64, Error> {
        self.trial.resize(self.w.len(), T::ZERO);
        vector::add_scaled(self.w, learning_rate, self.update, self.trial);
        self.asked.trials.add(self.payer, 1.0);
        match self.objective.loss(self.trial) {
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
}

/// The cosine, given the dot product and the product of the norms; 0 if a vector is zero.
pub(crate) fn ratio(dot: f64, norms: f64) -> f64 {
    if norms == 0.0 { 0.0 } else { dot / norms }
}
