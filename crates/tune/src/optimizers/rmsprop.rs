use onedge_objective::{Real, State};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::checks::check_lengths;
use super::make::Make;
use crate::bounds::{DECAY_RATE, EPS, IN_RANGE};
use crate::{Error, Optimizer};

/// RMSProp: `nu <- beta2 nu + (1 - beta2) g^2` from zero, `P = diag(sqrt(nu + eps))`, `u = -P^-1 g`.
///
/// There is no bias correction, so the first updates are large: about `1 / sqrt(1 - beta2)` an element. Stable on a
/// quadratic while eta times the largest eigenvalue of `P^-1/2 H P^-1/2` is below 2.
///
/// Source: Tieleman and Hinton 2012; this form as in Roulet et al. 2024, arXiv 2407.06183.
#[derive(Debug, Clone)]
pub struct RmsProp<T> {
    beta2: f64,
    eps: f64,
    square: Vec<T>,
    preconditioner: Vec<T>,
}

impl<T: Real> RmsProp<T> {
    /// With decay `beta2`, 0 or more and less than 1, and a positive `eps`.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta2: f64, eps: f64) -> Result<Self, SettingError> {
        let (beta2, eps) = (DECAY_RATE.check("rmsprop", "beta2", beta2)?, EPS.check("rmsprop", "eps", eps)?);
        Ok(Self { beta2, eps, square: Vec::new(), preconditioner: Vec::new() })
    }

    /// Decay 0.999 and eps 1e-8.
    ///
    /// Source: Roulet et al. 2024, arXiv 2407.06183, appendix on experiments; eps is Optax's default.
    pub fn paper() -> Self {
        Self::new(0.999, 1e-8).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("beta2"), settings.number("eps"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "rmsprop",
    summary: "RMSProp, without bias correction",
    doc: "nu <- beta2 nu + (1 - beta2) g^2 from zero, P = diag(sqrt(nu + eps)), u = -P^-1 g. Edge of stability of the \
          preconditioned sharpness at 2 / eta. Source: Tieleman and Hinton 2012.",
    settings: &[
        setting("beta2", Kind::Number, Default::Is("0.999"), "decay of the mean square, in [0, 1)"),
        setting("eps", Kind::Number, Default::Is("1e-8"), "added under the root, positive"),
    ],
    build: Make {
        f32: |settings| Ok(Box::new(RmsProp::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(RmsProp::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for RmsProp<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.square)?;
        self.square.resize(w.len(), T::ZERO);
        self.preconditioner.resize(w.len(), T::ONE);
        let (keep, add) = (T::from_f64(self.beta2), T::from_f64(1.0 - self.beta2));
        let eps = T::from_f64(self.eps);
        for (((u, nu), p), &g) in u.iter_mut().zip(&mut self.square).zip(&mut self.preconditioner).zip(g) {
            *nu = keep * *nu + add * (g * g);
            *p = (*nu + eps).sqrt();
            *u = -g / *p;
        }
        Ok(())
    }

    fn preconditioner(&self) -> Option<&[T]> {
        (!self.preconditioner.is_empty()).then_some(&self.preconditioner)
    }

    fn edge(&self) -> Option<f64> {
        Some(2.0)
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        State::new().with_vector("square", self.square.clone())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("rmsprop");
        self.square = reader.vector("square")?;
        let eps = T::from_f64(self.eps);
        self.preconditioner = self.square.iter().map(|&nu| (nu + eps).sqrt()).collect();
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut rmsprop = RmsProp::new(0.75, 1.0).unwrap();
        let mut u = [0.0_f64];
        assert!(rmsprop.preconditioner().is_none());
        // nu = 12 / 4 = 3, P = 2; then nu = 9/4 + 3/4 = 3 again
        rmsprop.direction(&[0.0], &[12.0_f64.sqrt()], &mut u).unwrap();
        assert!((u[0] + 3.0_f64.sqrt()).abs() < 1e-15);
        rmsprop.direction(&[0.0], &[-3.0_f64.sqrt()], &mut u).unwrap();
        assert!((u[0] - 3.0_f64.sqrt() / 2.0).abs() < 1e-15);
        assert!((rmsprop.preconditioner().unwrap()[0] - 2.0).abs() < 1e-15);
    }
}
