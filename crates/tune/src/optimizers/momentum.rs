use onedge_objective::{Real, State};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::checks::check_lengths;
use super::make::Make;
use crate::bounds::{DECAY_RATE, IN_RANGE};
use crate::{Error, Optimizer};

/// Heavy-ball momentum, undamped: `m <- g + beta m`, `u = -m`.
///
/// Stable on a quadratic while `eta lambda < 2 + 2 beta`. The update need not be a descent direction.
///
/// Source: Polyak 1964; the undamped form as in Roulet et al. 2024, arXiv 2407.06183.
#[derive(Debug, Clone)]
pub struct Momentum<T> {
    beta: f64,
    mean: Vec<T>,
}

impl<T> Momentum<T> {
    /// With momentum `beta`, 0 or more and less than 1.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta: f64) -> Result<Self, SettingError> {
        Ok(Self { beta: DECAY_RATE.check("momentum", "beta", beta)?, mean: Vec::new() })
    }

    /// Momentum 0.9.
    ///
    /// Source: Roulet et al. 2024, arXiv 2407.06183, appendix on experiments.
    pub fn paper() -> Self {
        Self::new(0.9).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("beta"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "momentum",
    summary: "heavy-ball momentum, undamped",
    doc: "m <- g + beta m, u = -m. Edge of stability at (2 + 2 beta) / eta. Source: Polyak 1964.",
    settings: &[setting("beta", Kind::Number, Default::Is("0.9"), "momentum, in [0, 1)")],
    build: Make {
        f32: |settings| Ok(Box::new(Momentum::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(Momentum::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for Momentum<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.mean)?;
        self.mean.resize(w.len(), T::ZERO);
        let beta = T::from_f64(self.beta);
        for ((u, m), &g) in u.iter_mut().zip(&mut self.mean).zip(g) {
            *m = g + beta * *m;
            *u = -*m;
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
        Some(2.0 + 2.0 * self.beta)
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        State::new().with_vector("mean", self.mean.clone())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("momentum");
        self.mean = reader.vector("mean")?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut momentum = Momentum::new(0.5).unwrap();
        let mut u = [0.0];
        momentum.direction(&[0.0], &[4.0], &mut u).unwrap();
        assert_eq!(u, [-4.0]);
        momentum.direction(&[0.0], &[1.0], &mut u).unwrap();
        assert_eq!(u, [-3.0]);
        momentum.direction(&[0.0], &[-2.0], &mut u).unwrap();
        assert_eq!(u, [0.5]);
        // m = 1 alone, then 1 + 0.5.
        assert!(momentum.restart(&[0.0], &[1.0], &mut u).unwrap());
        assert_eq!(u, [-1.0]);
        momentum.direction(&[0.0], &[1.0], &mut u).unwrap();
        assert_eq!(u, [-1.5]);
    }
}
