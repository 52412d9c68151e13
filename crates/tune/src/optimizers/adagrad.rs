use onedge_objective::{Real, State};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::checks::check_lengths;
use super::make::Make;
use crate::bounds::{EPS, FROM_ZERO, IN_RANGE};
use crate::{Error, Optimizer};

/// AdaGrad: `s <- s + g^2` from `start`, `P = diag(sqrt(s + eps))`, `u = -P^-1 g`.
///
/// With P taken as constant, a constant rate is stable on a quadratic while eta times the largest eigenvalue of
/// `P^-1/2 H P^-1/2` is below 2. P never falls, so that sharpness falls along a run of constant rate, and what was
/// beyond the edge comes back below it.
///
/// Cost: two vectors.
///
/// Source: Duchi, Hazan and Singer 2011, JMLR 12, the diagonal form of figure 1. Differs from the paper: its delta is
/// added to the root, eps here under it, as Optax has it, with a sum that need not begin at zero.
#[derive(Debug, Clone)]
pub struct AdaGrad<T> {
    start: f64,
    eps: f64,
    sum: Vec<T>,
    preconditioner: Vec<T>,
}

impl<T: Real> AdaGrad<T> {
    /// With squares that begin at `start`, 0 or more, and a positive `eps`.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(start: f64, eps: f64) -> Result<Self, SettingError> {
        let (start, eps) = (FROM_ZERO.check("adagrad", "start", start)?, EPS.check("adagrad", "eps", eps)?);
        Ok(Self { start, eps, sum: Vec::new(), preconditioner: Vec::new() })
    }

    /// Start 0.1 and eps 1e-7.
    ///
    /// Source: Optax's and TensorFlow's defaults; Duchi et al. 2011 give no numbers.
    pub fn paper() -> Self {
        Self::new(0.1, 1e-7).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("start"), settings.number("eps"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "adagrad",
    summary: "AdaGrad: gradients over the root of all their squares so far",
    doc: "s <- s + g^2 from start, P = diag(sqrt(s + eps)), u = -P^-1 g. Edge of stability of the preconditioned sharpness \
          at 2 / eta, P taken as constant; as P never falls, a constant rate comes back below it. Source: Duchi et al. \
          2011, JMLR 12.",
    settings: &[
        setting("start", Kind::Number, Default::Is("0.1"), "where the sum of squares begins, 0 or more"),
        setting("eps", Kind::Number, Default::Is("1e-7"), "added under the root, positive"),
    ],
    build: Make {
        f32: |settings| Ok(Box::new(AdaGrad::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(AdaGrad::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for AdaGrad<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.sum)?;
        self.sum.resize(w.len(), T::from_f64(self.start));
        self.preconditioner.resize(w.len(), T::ONE);
        let eps = T::from_f64(self.eps);
        for (((u, s), p), &g) in u.iter_mut().zip(&mut self.sum).zip(&mut self.preconditioner).zip(g) {
            *s += g * g;
            *p = (*s + eps).sqrt();
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
        State::new().with_vector("sum", self.sum.clone())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("adagrad");
        self.sum = reader.vector("sum")?;
        let eps = T::from_f64(self.eps);
        self.preconditioner = self.sum.iter().map(|&s| (s + eps).sqrt()).collect();
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut adagrad = AdaGrad::new(2.0, 5.0).unwrap();
        let mut u = [0.0_f64];
        assert!(adagrad.preconditioner().is_none());
        // s = 2 + 9 and P = 4; then s = 11 + 9 and P = 5.
        adagrad.direction(&[0.0], &[3.0], &mut u).unwrap();
        assert_eq!((u[0], adagrad.preconditioner().unwrap()), (-0.75, &[4.0][..]));
        adagrad.direction(&[0.0], &[-3.0], &mut u).unwrap();
        assert_eq!((u[0], adagrad.preconditioner().unwrap()), (0.6, &[5.0][..]));
    }
}
