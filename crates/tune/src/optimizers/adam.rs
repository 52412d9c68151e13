use onedge_objective::{Real, State};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Setting, Settings, setting};

use super::checks::check_lengths;
use super::make::Make;
use crate::bounds::{self, DECAY_RATE, IN_RANGE};
use crate::{Error, Optimizer};

/// Adam with bias correction: `m <- beta1 m + (1 - beta1) g`, `nu <- beta2 nu + (1 - beta2) g^2` from zero,
/// `P = diag(sqrt(nu / (1 - beta2^t)) + eps)`, `u = -P^-1 m / (1 - beta1^t)` with t = 1 at the first step.
///
/// The momentum is an average, so on a quadratic it is stable while eta times the largest eigenvalue of
/// `P^-1/2 H P^-1/2` is below `(2 + 2 beta1) / (1 - beta1)`, once `beta1^t` has died out.
///
/// Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1; the edge as in Cohen et al. 2022, arXiv 2207.14484.
#[derive(Debug, Clone)]
pub struct Adam<T> {
    beta1: f64,
    beta2: f64,
    eps: f64,
    steps: u64,
    /// The steps that the mean has forgotten, 0 without a restart.
    forgotten: u64,
    mean: Vec<T>,
    square: Vec<T>,
    preconditioner: Vec<T>,
}

impl<T: Real> Adam<T> {
    /// With decays `beta1` and `beta2`, 0 or more and less than 1, and a positive `eps`.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta1: f64, beta2: f64, eps: f64) -> Result<Self, SettingError> {
        Self::checked("adam", beta1, beta2, eps)
    }

    /// The same for an optimizer that is built on it: `owner` is named in errors.
    pub(super) fn checked(owner: &str, beta1: f64, beta2: f64, eps: f64) -> Result<Self, SettingError> {
        let (beta1, beta2) = (DECAY_RATE.check(owner, "beta1", beta1)?, DECAY_RATE.check(owner, "beta2", beta2)?);
        let (eps, steps, forgotten) = (bounds::EPS.check(owner, "eps", eps)?, 0, 0);
        let (mean, square, preconditioner) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { beta1, beta2, eps, steps, forgotten, mean, square, preconditioner })
    }

    /// Decays 0.9 and 0.999, eps 1e-8.
    ///
    /// Source: Roulet et al. 2024, arXiv 2407.06183, appendix on experiments; eps is that of Kingma and Ba.
    pub fn paper() -> Self {
        Self::new(0.9, 0.999, 1e-8).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("beta1"), settings.number("beta2"), settings.number("eps"))
    }

    /// `1 / (1 - beta^t)`
    fn correction(&self, beta: f64) -> T {
        self.correction_after(beta, 0)
    }

    /// The same so many steps later.
    pub(super) fn correction_after(&self, beta: f64, steps: u64) -> T {
        T::from_f64(1.0 / (1.0 - beta.powf((self.steps + steps) as f64)))
    }

    /// That of the mean, which counts from the last restart.
    fn correction_of_mean(&self) -> T {
        T::from_f64(1.0 / (1.0 - self.beta1.powf((self.steps - self.forgotten) as f64)))
    }
}

pub(super) const BETA1: Setting = setting("beta1", Kind::Number, Default::Is("0.9"), "decay of the mean, in [0, 1)");
pub(super) const BETA2: Setting =
    setting("beta2", Kind::Number, Default::Is("0.999"), "decay of the mean square, in [0, 1)");
pub(super) const EPS: Setting = setting("eps", Kind::Number, Default::Is("1e-8"), "added to the root, positive");

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "adam",
    summary: "Adam, with bias correction",
    doc: "m <- beta1 m + (1 - beta1) g, nu <- beta2 nu + (1 - beta2) g^2, P = diag(sqrt(nu / (1 - beta2^t)) + eps), \
          u = -P^-1 m / (1 - beta1^t). Edge of stability of the preconditioned sharpness at \
          (2 + 2 beta1) / ((1 - beta1) eta). Source: Kingma and Ba 2015, arXiv 1412.6980.",
    settings: &[BETA1, BETA2, EPS],
    build: Make {
        f32: |settings| Ok(Box::new(Adam::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(Adam::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for Adam<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.square)?;
        self.mean.resize(w.len(), T::ZERO);
        self.square.resize(w.len(), T::ZERO);
        self.preconditioner.resize(w.len(), T::ONE);
        self.steps += 1;
        let (keep1, add1) = (T::from_f64(self.beta1), T::from_f64(1.0 - self.beta1));
        let (keep2, add2) = (T::from_f64(self.beta2), T::from_f64(1.0 - self.beta2));
        let (correct1, correct2) = (self.correction_of_mean(), self.correction(self.beta2));
        let eps = T::from_f64(self.eps);
        let state = self.mean.iter_mut().zip(&mut self.square).zip(&mut self.preconditioner);
        for ((u, &g), ((m, nu), p)) in u.iter_mut().zip(g).zip(state) {
            *m = keep1 * *m + add1 * g;
            *nu = keep2 * *nu + add2 * (g * g);
            *p = (*nu * correct2).sqrt() + eps;
            *u = -(*m * correct1) / *p;
        }
        Ok(())
    }

    /// The mean is of this gradient alone, and corrected as at a first step: `u = -P^-1 g`. P stays.
    fn restart(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<bool, Error> {
        check_lengths(w, g, u, &self.square)?;
        self.forgotten = self.steps.saturating_sub(1);
        let add = T::from_f64(1.0 - self.beta1);
        let correct = self.correction_of_mean();
        let state = self.mean.iter_mut().zip(&self.preconditioner);
        for ((u, &g), (m, &p)) in u.iter_mut().zip(g).zip(state) {
            *m = add * g;
            *u = -(*m * correct) / p;
        }
        Ok(true)
    }

    fn preconditioner(&self) -> Option<&[T]> {
        (!self.preconditioner.is_empty()).then_some(&self.preconditioner)
    }

    fn edge(&self) -> Option<f64> {
        Some((2.0 + 2.0 * self.beta1) / (1.0 - self.beta1))
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        let state = State::new()
            .with_scalar("steps", self.steps as f64)
            .with_vector("mean", self.mean.clone())
            .with_vector("square", self.square.clone());
        if self.forgotten > 0 { state.with_scalar("forgotten", self.forgotten as f64) } else { state }
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("adam");
        self.steps = reader.count("steps")?;
        // There after a restart alone.
        self.forgotten = (reader.optional_scalar("forgotten").unwrap_or_default() as u64).min(self.steps);
        self.mean = reader.vector("mean")?;
        self.square = reader.vector("square")?;
        Error::require_length("optimizer state", self.square.len(), self.mean.len())?;
        let (correct, eps) = (self.correction(self.beta2), T::from_f64(self.eps));
        self.preconditioner = self.square.iter().map(|&nu| (nu * correct).sqrt() + eps).collect();
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut adam = Adam::new(0.5, 0.75, 1.0).unwrap();
        let mut u = [0.0_f64];
        // Corrected means of the first step are g and g^2.
        adam.direction(&[0.0], &[3.0], &mut u).unwrap();
        assert!((u[0] + 3.0 / 4.0).abs() < 1e-15);
        // m = 1.5/2 + 1/2 = 1.25, over 3/4; nu = 9/4 * 3/4 + 1/4 = 31/16, over 7/16
        adam.direction(&[0.0], &[1.0], &mut u).unwrap();
        let p = (31.0_f64 / 7.0).sqrt() + 1.0;
        assert!((u[0] + 5.0 / 3.0 / p).abs() < 1e-15);
        assert!((adam.preconditioner().unwrap()[0] - p).abs() < 1e-15);
        // A restart: the mean is 1/2 over 1/2. The step after: m = 1/4 + 1, over 3/4; nu = 31/16 3/4 + 1, over 37/64.
        assert!(adam.restart(&[0.0], &[1.0], &mut u).unwrap());
        assert!((u[0] + 1.0 / p).abs() < 1e-15);
        let state = adam.state();
        let mut same = Adam::new(0.5, 0.75, 1.0).unwrap();
        same.restore(state).unwrap();
        for adam in [&mut adam, &mut same] {
            adam.direction(&[0.0], &[2.0], &mut u).unwrap();
            let p = ((31.0_f64 / 16.0 * 0.75 + 1.0) / (37.0 / 64.0)).sqrt() + 1.0;
            assert!((u[0] + 5.0 / 3.0 / p).abs() < 1e-15);
        }
    }
}
