use onedge_registry::{Default, Error, Kind, Setting, Settings, setting};

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
/// Source: the formula is this project's own; the noise scale is that of McCandlish et al. 2018, arXiv 1812.06162,
/// equation 2.9. Roulet et al. 2024, arXiv 2407.06183, figure 7, find that the best sigma falls with the batch size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigma {
    start: f64,
    end: f64,
    steps: u64,
    share: f64,
}

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
pub(super) const MOMENTUM: Setting =
    setting("momentum", Kind::Number, Default::Is("0.0"), "momentum of the optimizer, in [0, 1): lowers noise");

impl Sigma {
    /// The same at every step, positive.
    pub fn constant(sigma: f64) -> Self {
        Self { start: sigma, end: sigma, steps: 0, share: 1.0 }
    }

    /// From `start` at step 0 to this one at step `steps`, at least 1.
    pub fn starting_at(self, start: f64, steps: u64) -> Self {
        Self { start, steps, ..self }
    }

    /// For batches of `batch` examples, at least 1, a noise scale of `noise` examples, 0 or more, and momentum in [0,
    /// 1).
    pub fn in_batches(self, batch: u64, noise: f64, momentum: f64) -> Self {
        let batch = batch as f64;
        Self { share: batch / (batch + (1.0 - momentum) * noise), ..self }
    }

    pub(super) fn from_settings(settings: &Settings) -> Result<Self, Error> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let sigma = settings.number_where("sigma", "a positive finite number", |x| x > 0.0 && x.is_finite())?;
        let momentum = settings.number_where("momentum", "a number in [0, 1)", |x| (0.0..1.0).contains(&x))?;
        let mut result = Self::constant(sigma);
        match (settings.optional_number("sigma_start"), optional_steps(settings, "sigma_steps")?) {
            (None, None) => {}
            (Some(start), _) if !positive(start) => {
                return Err(settings.out_of_range("sigma_start", "a positive finite number"));
            }
            (Some(start), Some(steps)) => result = result.starting_at(start, steps),
            (Some(_), None) => return Err(settings.out_of_range("sigma_steps", "the steps from sigma_start to sigma")),
            (None, Some(_)) => {
                return Err(settings.out_of_range("sigma_start", "the sigma that sigma_steps begin with"));
            }
        }
        match (optional_steps(settings, "batch")?, settings.optional_number("noise")) {
            (None, None) => {}
            (_, Some(noise)) if !(noise >= 0.0 && noise.is_finite()) => {
                return Err(settings.out_of_range("noise", "a finite number, 0 or more"));
            }
            (Some(batch), Some(noise)) => result = result.in_batches(batch, noise, momentum),
            (Some(_), None) => {
                return Err(settings.out_of_range("noise", "the noise scale that batch is compared with"));
            }
            (None, Some(_)) => return Err(settings.out_of_range("batch", "the examples of a batch, as noise is given")),
        }
        Ok(result)
    }

    pub(super) fn at(&self, step: u64) -> f64 {
        if step >= self.steps {
            return self.share * self.end;
        }
        let over = step as f64 / self.steps as f64;
        self.share * (self.start + over * (self.end - self.start))
    }
}

fn optional_steps(settings: &Settings, key: &str) -> Result<Option<u64>, Error> {
    match settings.optional_count(key)? {
        Some(0) => Err(settings.out_of_range(key, "a whole number, 1 or more")),
        count => Ok(count.map(|count| count as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!([0, 7, 99].map(|step| Sigma::constant(2.0).at(step)), [2.0; 3]);
        let rising = Sigma::constant(2.0).starting_at(0.5, 4);
        assert_eq!([0, 1, 2, 4, 9].map(|step| rising.at(step)), [0.5, 0.875, 1.25, 2.0, 2.0]);
        // 64 / (64 + 192) = 1/4; with momentum 2/3 only a third of the noise is left: 64 / 128.
        assert!((Sigma::constant(2.0).in_batches(64, 192.0, 0.0).at(0) - 0.5).abs() < 1e-15);
        assert!((rising.in_batches(64, 192.0, 2.0 / 3.0).at(2) - 0.625).abs() < 1e-15);
        assert_eq!(Sigma::constant(2.0).in_batches(64, 0.0, 0.9).at(3), 2.0);
    }

    /// Greedy with the formula's sigma minimises the expected loss, here for two equally likely batches.
    #[test]
    fn greedy_in_batches_is_the_best_step_in_expectation() {
        // Batches of one example with gradients G + 2 and G - 2 at G = 1: B = 4, and n is 9 or 1 where u.Hu is h u^2.
        let (h, noise) = (3.0, 4.0);
        let expected_slope = [3.0, -1.0].map(|g: f64| g * g).iter().sum::<f64>() / 2.0;
        let expected_curvature = h * expected_slope;
        let rate = Sigma::constant(1.0).in_batches(1, noise, 0.0).at(0) * expected_slope / expected_curvature;
        // E[f(w - eta g)] = f(w) - eta |G|^2 + eta^2 h E|g|^2 / 2 is least at 1 / (3 * 5).
        assert!((rate - 1.0 / 15.0).abs() < 1e-15);
    }
}
