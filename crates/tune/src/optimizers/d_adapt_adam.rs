use onedge_objective::{Real, State};
use onedge_registry::{Entry, Error as SettingError, Settings};

use super::adam::{BETA1, BETA2, EPS};
use super::checks::check_lengths;
use super::d_adapt_sgd::{DISTANCE, grown};
use super::make::Make;
use crate::bounds::{self, DECAY_RATE, IN_RANGE, POSITIVE};
use crate::{Error, Optimizer};

/// D-Adaptation of Adam: Adam at the rate d, a lower bound on the distance from the first point to the solution (its
/// largest component), which grows as the run shows more of it.
///
/// ```text
/// r <- b r + (1 - b) d g.(s / A),  s <- b s + (1 - b) d g,          b = sqrt(beta2),  A = sqrt(v) + eps
/// m <- beta1 m + (1 - beta1) d g,  v <- beta2 v + (1 - beta2) g^2,  u = -m / A
/// d <- max(d, r / ((1 - b) |s|_1))
/// ```
///
/// r is taken with the A before this gradient, m, s and v with the d before it.
///
/// As v begins at zero and is not corrected, A is too small by sqrt(1 - beta2^t) at first, and d, which never falls,
/// may rise too far: in full batch, or wherever a few hundred steps suffice, try beta2 = 0.99.
///
/// The update is the whole step: to be used with the rate 1, or with a schedule that has 1 at its height. The estimates
/// of d suppose rate 1. It scales its own updates, so it has no edge, and says no preconditioner.
///
/// Cost: three vectors.
///
/// Source: Defazio and Mishchenko 2023, arXiv 2301.07733, algorithm 5; A before this gradient as in the authors' code.
/// As there, biases are not corrected.
#[derive(Debug, Clone)]
pub struct DAdaptAdam<T> {
    beta1: f64,
    beta2: f64,
    eps: f64,
    distance: f64,
    weighted: f64,
    mean: Vec<T>,
    square: Vec<T>,
    sum: Vec<T>,
}

impl<T: Real> DAdaptAdam<T> {
    /// With Adam's settings and the first estimate of the distance, positive.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta1: f64, beta2: f64, eps: f64, distance: f64) -> Result<Self, SettingError> {
        let beta1 = DECAY_RATE.check("d-adapt-adam", "beta1", beta1)?;
        let beta2 = DECAY_RATE.check("d-adapt-adam", "beta2", beta2)?;
        let eps = bounds::EPS.check("d-adapt-adam", "eps", eps)?;
        let distance = POSITIVE.check("d-adapt-adam", "distance", distance)?;
        let (mean, square, sum) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { beta1, beta2, eps, distance, weighted: 0.0, mean, square, sum })
    }

    /// Decays 0.9 and 0.999, eps 1e-8, first estimate 1e-6.
    pub fn paper() -> Self {
        Self::new(0.9, 0.999, 1e-8, 1e-6).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        Self::new(number("beta1"), number("beta2"), number("eps"), number("distance"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "d-adapt-adam",
    summary: "Adam that finds its own rate: D-Adaptation; with rate 1",
    doc: "Adam without bias correction at the rate d, a growing lower bound on the distance to the solution. For the \
          rate 1, or a schedule up to 1. No edge. Source: Defazio and Mishchenko 2023, arXiv 2301.07733, algorithm \
          5.",
    settings: &[BETA1, BETA2, EPS, DISTANCE],
    build: Make {
        f32: |settings| Ok(Box::new(DAdaptAdam::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(DAdaptAdam::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for DAdaptAdam<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.sum)?;
        for vector in [&mut self.mean, &mut self.square, &mut self.sum] {
            vector.resize(w.len(), T::ZERO);
        }
        let root = self.beta2.sqrt();
        let (keep, add) = (T::from_f64(root), T::from_f64((1.0 - root) * self.distance));
        let (keep1, add1) = (T::from_f64(self.beta1), T::from_f64((1.0 - self.beta1) * self.distance));
        let (keep2, add2) = (T::from_f64(self.beta2), T::from_f64(1.0 - self.beta2));
        let eps = T::from_f64(self.eps);
        let (mut product, mut total) = (0.0, 0.0);
        let state = self.mean.iter_mut().zip(&mut self.square).zip(&mut self.sum);
        for ((u, &g), ((m, v), s)) in u.iter_mut().zip(g).zip(state) {
            product += (g * *s / (v.sqrt() + eps)).to_f64();
            *s = keep * *s + add * g;
            total += s.abs().to_f64();
            *m = keep1 * *m + add1 * g;
            *v = keep2 * *v + add2 * (g * g);
            *u = -*m / (v.sqrt() + eps);
        }
        self.weighted = root * self.weighted + (1.0 - root) * self.distance * product;
        self.distance = grown(self.distance, self.weighted / ((1.0 - root) * total));
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
            .with_scalar("weighted", self.weighted)
            .with_vector("mean", self.mean.clone())
            .with_vector("square", self.square.clone())
            .with_vector("sum", self.sum.clone())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("d-adapt-adam");
        self.distance = reader.scalar("distance")?;
        self.weighted = reader.scalar("weighted")?;
        self.mean = reader.vector("mean")?;
        self.square = reader.vector("square")?;
        self.sum = reader.vector("sum")?;
        Error::require_length("optimizer state", self.sum.len(), self.mean.len())?;
        Error::require_length("optimizer state", self.sum.len(), self.square.len())?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut method = DAdaptAdam::new(0.0, 0.25, 1e-30, 1.0).unwrap();
        let mut u = [0.0_f64];
        let mut ask = |g: f64| {
            method.direction(&[0.0], &[g], &mut u).unwrap();
            u[0]
        };
        // v = 3/4 * 4 = 3, s = 1/2 * 2 = 1; then v = 3/4 + 3/4 * 961, s = 1/2 + 31/2 = 16.
        assert!((ask(2.0) + 2.0 / 3.0_f64.sqrt()).abs() < 1e-15);
        assert!((ask(31.0) + 31.0 / 721.5_f64.sqrt()).abs() < 1e-14);
        // r = 1/2 * 31 / 3^(1/2), and d = r / (16/2) = 1.1186... is what m is made with now; v = 721.5/4 + 3/4.
        let distance = 15.5 / 3.0_f64.sqrt() / 8.0;
        assert!((ask(1.0) + distance / 181.125_f64.sqrt()).abs() < 1e-15);
    }

    /// The algorithm in scalars for two parameters, with every setting of a size that counts.
    #[test]
    fn five_steps_in_scalars() {
        let (beta1, beta2, eps) = (0.5_f64, 0.25_f64, 0.1);
        let mut method = DAdaptAdam::new(beta1, beta2, eps, 1.0).unwrap();
        let (mut m, mut v, mut s, mut r, mut d, root) = ([0.0; 2], [0.0_f64; 2], [0.0_f64; 2], 0.0, 1.0, beta2.sqrt());
        let (mut u, mut grew) = ([0.0; 2], 0);
        for g in [[1.0, -0.5], [31.0, -9.0], [1.0, -2.0], [2.0, 0.5], [-1.0, 3.0]] {
            method.direction(&[0.0; 2], &g, &mut u).unwrap();
            r = root * r + (1.0 - root) * d * (0..2).map(|i| g[i] * s[i] / (v[i].sqrt() + eps)).sum::<f64>();
            for i in 0..2 {
                m[i] = beta1 * m[i] + (1.0 - beta1) * d * g[i];
                v[i] = beta2 * v[i] + (1.0 - beta2) * g[i] * g[i];
                s[i] = root * s[i] + (1.0 - root) * d * g[i];
                assert!((u[i] + m[i] / (v[i].sqrt() + eps)).abs() < 1e-13);
            }
            let estimate = r / ((1.0 - root) * (s[0].abs() + s[1].abs()));
            grew += usize::from(estimate > d);
            d = estimate.max(d);
        }
        assert!(grew > 0);
    }
}
