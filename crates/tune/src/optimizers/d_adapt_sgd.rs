use onedge_objective::{Real, State, vector};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Setting, Settings, setting};

use super::checks::check_lengths;
use super::make::Make;
use crate::bounds::{DECAY_RATE, IN_RANGE, POSITIVE};
use crate::preset::{Preset, differs, preset};
use crate::{Error, Optimizer};

/// D-Adaptation of stochastic gradient descent: the rate `d / |g_0|` with a lower bound d on the distance from the
/// first point to the solution, which grows as the run shows more of it.
///
/// ```text
/// lambda = d / |g_0|,  q <- q + lambda g.s,  s <- s + lambda g,  z = w_0 - s,  w <- beta w + (1 - beta) z
/// d <- max(d, 2 q / |s|)
/// ```
///
/// The update is the whole way to the new w: to be used with the rate 1. Another rate goes that share of the way, while
/// z and d go on as though it had gone all. It scales its own updates, so it has no edge. A gradient that is zero at
/// the first step leaves everything as it is; g_0 is then the first that is not.
///
/// Cost: two vectors.
///
/// Source: Defazio and Mishchenko 2023, arXiv 2301.07733, algorithm 4.
#[derive(Debug, Clone)]
pub struct DAdaptSgd<T> {
    beta: f64,
    distance: f64,
    /// `|g_0|`, 0 until it is known.
    scale: f64,
    weighted: f64,
    first: Vec<T>,
    sum: Vec<T>,
}

impl<T: Real> DAdaptSgd<T> {
    /// With momentum `beta`, 0 or more and less than 1, and the first estimate of the distance, positive.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta: f64, distance: f64) -> Result<Self, SettingError> {
        let beta = DECAY_RATE.check("d-adapt-sgd", "beta", beta)?;
        let distance = POSITIVE.check("d-adapt-sgd", "distance", distance)?;
        Ok(Self { beta, distance, scale: 0.0, weighted: 0.0, first: Vec::new(), sum: Vec::new() })
    }

    /// No momentum, first estimate 1e-6, as `DAdaptSGD` of the authors' package dadaptation.
    pub fn package() -> Self {
        Self::new(0.0, 1e-6).expect(IN_RANGE)
    }

    /// Momentum 0.9, as in the paper's experiments, first estimate 1e-6.
    pub fn paper() -> Self {
        Self::new(0.9, 1e-6).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        // It has no formula of its own, only a default.
        Preset::from_settings(settings)?;
        Self::new(settings.number("beta"), settings.number("distance"))
    }
}

/// A lower bound on the distance to the solution, and what a new gradient makes of it. It never falls, and a quotient by a
/// sum of zero says nothing.
pub(super) fn grown(distance: f64, estimate: f64) -> f64 {
    if estimate > distance && estimate.is_finite() { estimate } else { distance }
}

pub(super) const DISTANCE: Setting =
    setting("distance", Kind::Number, Default::Is("1e-6"), "first estimate of the distance to the solution");

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "d-adapt-sgd",
    summary: "SGD that finds its own rate: D-Adaptation; with rate 1",
    doc: "w <- beta w + (1 - beta) (w_0 - s), s the sum of d g / |g_0|, d a growing lower bound on the distance to the \
          solution. For the rate 1: another goes that share of the way. No edge. Source: Defazio and Mishchenko 2023, \
          arXiv 2301.07733, algorithm 4; the momentum of the preset `package` is that of dadaptation.DAdaptSGD.",
    settings: &[
        preset("whose momentum: `package`, dadaptation's, or `paper`"),
        setting("beta", Kind::Number, differs(&[("package", "0.0"), ("paper", "0.9")]), "momentum, in [0, 1)"),
        DISTANCE,
    ],
    build: Make {
        f32: |settings| Ok(Box::new(DAdaptSgd::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(DAdaptSgd::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for DAdaptSgd<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.sum)?;
        if self.first.is_empty() {
            self.first = w.to_vec();
            self.sum.resize(w.len(), T::ZERO);
        }
        if self.scale == 0.0 {
            self.scale = vector::norm(g);
        }
        if self.scale > 0.0 {
            let rate = self.distance / self.scale;
            self.weighted += rate * vector::dot(g, &self.sum);
            vector::axpy(rate, g, &mut self.sum);
            self.distance = grown(self.distance, 2.0 * self.weighted / vector::norm(&self.sum));
        }
        let share = T::from_f64(1.0 - self.beta);
        for ((u, &w), (&first, &sum)) in u.iter_mut().zip(w).zip(self.first.iter().zip(&self.sum)) {
            *u = share * (first - sum - w);
        }
        Ok(())
    }

    fn preconditioner(&self) -> Option<&[T]> {
        None
    }

    fn edge(&self) -> Option<f64> {
        None
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        State::new()
            .with_scalar("distance", self.distance)
            .with_scalar("scale", self.scale)
            .with_scalar("weighted", self.weighted)
            .with_vector("first", self.first.clone())
            .with_vector("sum", self.sum.clone())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("d-adapt-sgd");
        self.distance = reader.scalar("distance")?;
        self.scale = reader.scalar("scale")?;
        self.weighted = reader.scalar("weighted")?;
        self.first = reader.vector("first")?;
        self.sum = reader.vector("sum")?;
        Error::require_length("optimizer state", self.first.len(), self.sum.len())?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut method = DAdaptSgd::new(0.5, 1.0).unwrap();
        let mut u = [0.0_f64];
        let mut ask = |w: f64, g: f64| {
            method.direction(&[w], &[g], &mut u).unwrap();
            u[0]
        };
        // |g_0| = 2, so lambda = 1/2: s = 1, 2, 3 from w_0 = 7 and the way to w_0 - s is gone by half.
        assert_eq!([ask(7.0, 2.0), ask(6.5, 2.0), ask(5.75, 2.0)], [-0.5, -0.75, -0.875]);
        // q = 0, 1, 3 and 2 q / s = 0, 1, 2: now d = 2, lambda = 1, s = 5, and 2 (3 + 6) / 5 = 3.6.
        assert_eq!(ask(4.0, 2.0), -1.0);
        // lambda = 1.8, s = 5 - 1.8.
        assert!((ask(4.0, -1.0) + 0.1).abs() < 1e-15);
    }

    #[test]
    fn waits_for_a_gradient() {
        let (mut method, mut u) = (DAdaptSgd::new(0.0, 1.0).unwrap(), [1.0_f64]);
        method.direction(&[7.0], &[0.0], &mut u).unwrap();
        assert_eq!(u, [0.0]);
        method.direction(&[7.0], &[4.0], &mut u).unwrap();
        assert_eq!(u, [-1.0]);
    }
}
