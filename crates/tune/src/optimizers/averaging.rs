//! What the schedule-free methods share: a last point z, a weighted mean x of all of them, and the point y between
//! both.

use onedge_objective::{Reader, Real, State};
use onedge_registry::{Error as SettingError, Settings};

use crate::bounds::DECAY_RATE;
use crate::{Error, Foresight};

/// `x <- (1 - c) x + c z` with `c = gamma^2 / (sum of gamma^2)`, and `y = (1 - beta) z + beta x`.
#[derive(Debug, Clone)]
pub(super) struct Averaging<T> {
    beta: f64,
    warmup: u64,
    steps: u64,
    weights: f64,
    last: Vec<T>,
    mean: Vec<T>,
}

impl<T: Real> Averaging<T> {
    /// `owner` names the method in errors.
    pub(super) fn new(owner: &str, beta: f64, warmup: u64) -> Result<Self, SettingError> {
        let beta = DECAY_RATE.check(owner, "beta", beta)?;
        Ok(Self { beta, warmup, steps: 0, weights: 0.0, last: Vec::new(), mean: Vec::new() })
    }

    /// Puts z and x at the first parameters.
    pub(super) fn begin(&mut self, w: &[T]) {
        if self.last.is_empty() {
            (self.last, self.mean) = (w.to_vec(), w.to_vec());
        }
        self.steps += 1;
    }

    /// Steps begun so far.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// `rate`, or the share of it that the warm-up allows at this step.
    pub(super) fn warm(&self, rate: f64) -> f64 {
        if self.steps < self.warmup { rate * self.steps as f64 / self.warmup as f64 } else { rate }
    }

    /// Of a run that ends in the warm-up.
    pub(super) fn foresee(&self, steps: u64) -> Option<Foresight> {
        let &Self { warmup, .. } = self;
        (steps < warmup).then_some(Foresight::Rising { warmup, key: "warmup", steps })
    }

    pub(super) fn last(&self) -> &[T] {
        &self.last
    }

    pub(super) fn last_mut(&mut self) -> &mut [T] {
        &mut self.last
    }

    /// x, once there is one.
    pub(super) fn mean(&self) -> Option<&[T]> {
        (!self.mean.is_empty()).then_some(&self.mean)
    }

    /// After z has moved at the rate `rate`: moves x, and writes the way from `w` to y.
    pub(super) fn finish(&mut self, rate: f64, w: &[T], u: &mut [T]) {
        let weight = rate * rate;
        self.weights += weight;
        let share = T::from_f64(weight / self.weights);
        let beta = T::from_f64(self.beta);
        for ((u, &w), (x, &z)) in u.iter_mut().zip(w).zip(self.mean.iter_mut().zip(&self.last)) {
            *x += share * (z - *x);
            *u = z + beta * (*x - z) - w;
        }
    }

    pub(super) fn state(&self) -> State<T> {
        State::new()
            .with_scalar("steps", self.steps as f64)
            .with_scalar("weights", self.weights)
            .with_vector("last", self.last.clone())
            .with_vector("mean", self.mean.clone())
    }

    pub(super) fn restore(&mut self, reader: &mut Reader<T>) -> Result<(), Error> {
        self.steps = reader.count("steps")?;
        self.weights = reader.scalar("weights")?;
        self.last = reader.vector("last")?;
        self.mean = reader.vector("mean")?;
        Error::require_length("optimizer state", self.last.len(), self.mean.len())
    }
}

/// The setting `warmup`, in steps; 0 if it is not set.
pub(super) fn warmup(settings: &Settings) -> Result<u64, SettingError> {
    match settings.optional_count("warmup")? {
        Some(0) => Err(settings.out_of_range("warmup", "a whole number, 1 or more")),
        count => Ok(count.unwrap_or(0) as u64),
    }
}
