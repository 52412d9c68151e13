use onedge_registry::{Default, Error, Kind, Setting, Settings, setting};

use crate::bounds::{DECAY_RATE, FROM_ZERO, POSITIVE, from_one};

/// CDAT's factor sigma: where it ends, how it gets there, and what mini-batches take off it.
///
/// **Schedule.** From `start` at step 0 in equal parts to `end` at step `steps`, then `end`.
///
/// **Batch and momentum.** In mini-batches of m examples the slope along the update holds the noise of this very batch.
/// With G the gradient of the whole loss and S the covariance of one example's, `E|g|^2 = |G|^2 + tr S / m`. For
/// `u = -g` the slope is too large by the factor `(m + B) / m`, where `B = tr S / |G|^2` is the simple noise scale,
/// while the curvature along u is about right. With momentum mu the update sums `1 / (1 - mu)` gradients' worth of signal but only one of
/// them shares its noise with g, so the factor is `(m + (1 - mu) B) / m`. Sigma is divided by it,
///
/// ```text
/// sigma(m, mu) = sigma m / (m + (1 - mu) B)
/// ```
///
/// so that sigma = 1 stays the best step on a quadratic whose gradient is steady over `1 / (1 - mu)` steps, in
/// expectation. Left out: that `u.Hu` of a batch, too, is measured with the noise that is in u.
///
/// Measured on three networks, three optimizers and three batch sizes, `2 m / (m + B)`, with mu left at 0, is nearer to the best sigma with
/// momentum and Adam than the formula with their mu: `docs/FINDINGS.md`, study `stochastic`.
///
/// Source: the formula is this project's own; the noise scale is that of McCandlish et al. 2018, arXiv 1812.06162,
/// equation 2.9. Roulet et al. 2024, arXiv 2407.06183, figure 7, find that the best sigma falls with the batch size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigma {
    start: f64,
    end: f64,
    steps: u64,
    share: f64,
}

/// Who is named in errors: the tuner whose factor it is.
const OWNER: &str = "cdat";

/// The settings that [`Sigma`] reads, `sigma` itself apart.
pub(super) const START: Setting =
    setting("sigma_start", Kind::Number, Default::Absent, "sigma at step 0, with sigma_steps");
pub(super) const STEPS: Setting =
    setting("sigma_steps", Kind::Integer, Default::Absent, "steps from sigma_start to sigma");
pub(super) const BATCH: Setting = setting("batch", Kind::Integer, Default::Absent, "examples of a batch, with noise");
pub(super) const NOISE: Setting = setting(
    "noise",
    Kind::Number,
    Default::Absent,
    "noise scale in examples: lowers sigma to batch / (batch + noise) of it",
);
pub(super) const MOMENTUM: Setting = setting(
    "momentum",
    Kind::Number,
    Default::Is("0.0"),
    "momentum of the optimizer, in [0, 1): lowers noise; 0 has proved better",
);

impl Sigma {
    /// The same at every step, positive.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn constant(sigma: f64) -> Result<Self, Error> {
        let sigma = POSITIVE.check(OWNER, "sigma", sigma)?;
        Ok(Self { start: sigma, end: sigma, steps: 0, share: 1.0 })
    }

    /// From `start`, positive, at step 0 to this one at step `steps`, at least 1.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn starting_at(self, start: f64, steps: u64) -> Result<Self, Error> {
        let start = POSITIVE.check(OWNER, START.key, start)?;
        Ok(Self { start, steps: from_one(OWNER, STEPS.key, steps)?, ..self })
    }

    /// For batches of `batch` examples, at least 1, a noise scale of `noise` examples, 0 or more, and momentum in [0,
    /// 1).
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn in_batches(self, batch: u64, noise: f64, momentum: f64) -> Result<Self, Error> {
        let batch = from_one(OWNER, BATCH.key, batch)? as f64;
        let noise = FROM_ZERO.check(OWNER, NOISE.key, noise)?;
        let momentum = DECAY_RATE.check(OWNER, MOMENTUM.key, momentum)?;
        Ok(Self { share: batch / (batch + (1.0 - momentum) * noise), ..self })
    }

    /// A setting is checked even where the one that it goes with is missing.
    pub(super) fn from_settings(settings: &Settings, sigma: f64) -> Result<Self, Error> {
        let momentum = DECAY_RATE.check(OWNER, MOMENTUM.key, settings.number(MOMENTUM.key))?;
        let count =
            |setting: Setting| settings.optional_count(setting.key).map(|count| count.map(|count| count as u64));
        let mut result = Self::constant(sigma)?;
        result = match (settings.optional_number(START.key), count(STEPS)?) {
            (None, None) => result,
            (Some(start), Some(steps)) => result.starting_at(start, steps)?,
            (Some(start), None) => {
                POSITIVE.check(OWNER, START.key, start)?;
                return Err(settings.out_of_range(STEPS.key, "the steps from sigma_start to sigma"));
            }
            (None, Some(steps)) => {
                from_one(OWNER, STEPS.key, steps)?;
                return Err(settings.out_of_range(START.key, "the sigma that sigma_steps begin with"));
            }
        };
        match (count(BATCH)?, settings.optional_number(NOISE.key)) {
            (None, None) => Ok(result),
            (Some(batch), Some(noise)) => result.in_batches(batch, noise, momentum),
            (Some(batch), None) => {
                from_one(OWNER, BATCH.key, batch)?;
                Err(settings.out_of_range(NOISE.key, "the noise scale that batch is compared with"))
            }
            (None, Some(noise)) => {
                FROM_ZERO.check(OWNER, NOISE.key, noise)?;
                Err(settings.out_of_range(BATCH.key, "the examples of a batch, as noise is given"))
            }
        }
    }

    pub(super) fn at(&self, step: u64) -> f64 {
        if step >= self.steps {
            return self.share * self.end;
        }
        let over = step as f64 / self.steps as f64;
        self.share * (self.start + over * (self.end - self.start))
    }
}

#[cfg(test)]
#[path = "../../tests/unit/sigma.rs"]
mod tests;
