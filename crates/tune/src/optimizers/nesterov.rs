use onedge_objective::{Real, State};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::checks::check_lengths;
use super::make::Make;
use crate::bounds::{DECAY_RATE, IN_RANGE};
use crate::{Error, Optimizer};

/// Nesterov momentum: `m <- g + beta m`, `u = -(g + beta m)` with the new m.
///
/// Stable on a quadratic while `eta lambda < (2 + 2 beta) / (1 + 2 beta)`.
///
/// Source: Nesterov 1983, in the form of Sutskever et al. 2013; the edge as in Cohen et al. 2021, arXiv 2103.00065,
/// appendix B.
#[derive(Debug, Clone)]
pub struct Nesterov<T> {
    beta: f64,
    mean: Vec<T>,
}

impl<T> Nesterov<T> {
    /// With momentum `beta`, 0 or more and less than 1.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta: f64) -> Result<Self, SettingError> {
        Ok(Self { beta: DECAY_RATE.check("nesterov", "beta", beta)?, mean: Vec::new() })
    }

    /// Momentum 0.9.
    ///
    /// Differs from the paper: Roulet et al. 2024 use the heavy ball alone; the constant is theirs.
    pub fn paper() -> Self {
        Self::new(0.9).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("beta"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "nesterov",
    summary: "Nesterov momentum",
    doc: "m <- g + beta m, u = -(g + beta m). Edge of stability at (2 + 2 beta) / ((1 + 2 beta) eta). \
          Source: Nesterov 1983, Sutskever et al. 2013.",
    settings: &[setting("beta", Kind::Number, Default::Is("0.9"), "momentum, in [0, 1)")],
    build: Make {
        f32: |settings| Ok(Box::new(Nesterov::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(Nesterov::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for Nesterov<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.mean)?;
        self.mean.resize(w.len(), T::ZERO);
        let beta = T::from_f64(self.beta);
        for ((u, m), &g) in u.iter_mut().zip(&mut self.mean).zip(g) {
            *m = g + beta * *m;
            *u = -(g + beta * *m);
        }
        Ok(())
    }

    fn restart(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<bool, Error> {
        self.mean.clear();
        self.direction(w, g, u)?;
        Ok(true)
    }

    fn preconditioner(&self) -> Option<&[T]> {
        None
    }

    fn edge(&self) -> Option<f64> {
        Some((2.0 + 2.0 * self.beta) / (1.0 + 2.0 * self.beta))
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        State::new().with_vector("mean", self.mean.clone())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("nesterov");
        self.mean = reader.vector("mean")?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut nesterov = Nesterov::new(0.5).unwrap();
        let mut u = [0.0];
        // m = 4, u = -(4 + 2); then m = 1 + 2 = 3, u = -(1 + 1.5)
        nesterov.direction(&[0.0], &[4.0], &mut u).unwrap();
        assert_eq!(u, [-6.0]);
        nesterov.direction(&[0.0], &[1.0], &mut u).unwrap();
        assert_eq!(u, [-2.5]);
        // m = 4 alone, u = -(4 + 2)
        assert!(nesterov.restart(&[0.0], &[4.0], &mut u).unwrap());
        assert_eq!(u, [-6.0]);
    }
}
