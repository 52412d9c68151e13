use onedge_objective::{Real, State};
use onedge_registry::{Entry, Error as SettingError, Settings};

use super::adam::{BETA1, BETA2, EPS};
use super::checks::check_lengths;
use super::d_adapt_sgd::{DISTANCE, grown};
use super::make::Make;
use crate::bounds::{self, DECAY_RATE, IN_RANGE, POSITIVE};
use crate::preset::{Preset, preset};
use crate::{Error, Optimizer};

/// Prodigy: Adam at the rate d, as D-Adaptation, with an estimate of the distance that weighs gradients by d^2 and so
/// grows faster.
///
/// ```text
/// m <- beta1 m + (1 - beta1) d g,  v <- beta2 v + (1 - beta2) d^2 g^2
/// r <- b r + (1 - b) d^2 g.(w_0 - w),  s <- b s + (1 - b) d^2 g,        b = sqrt(beta2)
/// d_new = max(d, r / |s|_1),  u = -d m / (sqrt(v) + d_new eps)
/// ```
///
/// So the authors' package prodigyopt has it, and so it is unless asked otherwise. With [`Preset::Paper`] eps is multiplied by
/// the d before this gradient, too. The two differ where d grows by orders of magnitude in a step and gradients are small.
///
/// As v begins at zero and is not corrected, sqrt(v) is too small by sqrt(1 - beta2^t) at first, and d, which never
/// falls, may rise too far: in full batch, or wherever a few hundred steps suffice, try beta2 = 0.99.
///
/// The update is the whole step: to be used with the rate 1, or with a schedule that has 1 at its height. The estimates
/// of d suppose rate 1. It scales its own updates, so it has no edge, and says no preconditioner.
///
/// Cost: four vectors.
///
/// Source: Mishchenko and Defazio 2023, arXiv 2306.06101, algorithm 4. As there, biases are not corrected.
#[derive(Debug, Clone)]
pub struct Prodigy<T> {
    preset: Preset,
    beta1: f64,
    beta2: f64,
    eps: f64,
    distance: f64,
    weighted: f64,
    first: Vec<T>,
    mean: Vec<T>,
    square: Vec<T>,
    sum: Vec<T>,
}

impl<T: Real> Prodigy<T> {
    /// With Adam's settings and the first estimate of the distance, positive.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta1: f64, beta2: f64, eps: f64, distance: f64) -> Result<Self, SettingError> {
        let beta1 = DECAY_RATE.check("prodigy", "beta1", beta1)?;
        let beta2 = DECAY_RATE.check("prodigy", "beta2", beta2)?;
        let eps = bounds::EPS.check("prodigy", "eps", eps)?;
        let distance = POSITIVE.check("prodigy", "distance", distance)?;
        let (first, mean, square, sum) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let preset = Preset::Package;
        Ok(Self { preset, beta1, beta2, eps, distance, weighted: 0.0, first, mean, square, sum })
    }

    /// By the formula of the package, which it is unless said, or of the paper.
    pub fn by(self, preset: Preset) -> Self {
        Self { preset, ..self }
    }

    /// The formula of the paper; decays 0.9 and 0.999, eps 1e-8, first estimate 1e-6.
    pub fn paper() -> Self {
        Self::package().by(Preset::Paper)
    }

    /// The formula of the package prodigyopt; decays 0.9 and 0.999, eps 1e-8, first estimate 1e-6.
    pub fn package() -> Self {
        Self::new(0.9, 0.999, 1e-8, 1e-6).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        let prodigy = Self::new(number("beta1"), number("beta2"), number("eps"), number("distance"))?;
        Ok(prodigy.by(Preset::from_settings(settings)?))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "prodigy",
    summary: "Adam that finds its own rate: Prodigy; with rate 1",
    doc: "Adam without bias correction at the rate d, a lower bound on the distance to the solution that grows \
          faster than that of D-Adaptation. eps is multiplied by d as it is after this gradient, as in prodigyopt, or with \
          preset = \"paper\" before it. For the rate 1, or a schedule up to 1. No edge. Source: Mishchenko and \
          Defazio 2023, arXiv 2306.06101, algorithm 4.",
    settings: &[
        preset("which d multiplies eps: `package`, the new one, as prodigyopt, or `paper`, the old one"),
        BETA1,
        BETA2,
        EPS,
        DISTANCE,
    ],
    build: Make {
        f32: |settings| Ok(Box::new(Prodigy::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(Prodigy::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for Prodigy<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.sum)?;
        if self.first.is_empty() {
            self.first = w.to_vec();
            for vector in [&mut self.mean, &mut self.square, &mut self.sum] {
                vector.resize(w.len(), T::ZERO);
            }
        }
        let (root, d) = (self.beta2.sqrt(), self.distance);
        let (keep, add) = (T::from_f64(root), T::from_f64((1.0 - root) * d * d));
        let (keep1, add1) = (T::from_f64(self.beta1), T::from_f64((1.0 - self.beta1) * d));
        let (keep2, add2) = (T::from_f64(self.beta2), T::from_f64((1.0 - self.beta2) * d * d));
        let (mut product, mut total) = (0.0, 0.0);
        let state = self.mean.iter_mut().zip(&mut self.square).zip(self.sum.iter_mut().zip(&self.first));
        for ((&g, &w), ((m, v), (s, &first))) in g.iter().zip(w).zip(state) {
            product += g.to_f64() * (first - w).to_f64();
            *s = keep * *s + add * g;
            total += s.abs().to_f64();
            *m = keep1 * *m + add1 * g;
            *v = keep2 * *v + add2 * (g * g);
        }
        self.weighted = root * self.weighted + (1.0 - root) * d * d * product;
        self.distance = grown(self.distance, self.weighted / total);
        let of_eps = match self.preset {
            Preset::Package => self.distance,
            Preset::Paper => d,
        };
        let (rate, eps) = (T::from_f64(d), T::from_f64(of_eps * self.eps));
        for (u, (&m, &v)) in u.iter_mut().zip(self.mean.iter().zip(&self.square)) {
            // With a gradient of zero and a d eps that rounds to zero: no step.
            let scale = v.sqrt() + eps;
            *u = if scale == T::ZERO { T::ZERO } else { -(rate * m) / scale };
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
            .with_scalar("weighted", self.weighted)
            .with_vector("first", self.first.clone())
            .with_vector("mean", self.mean.clone())
            .with_vector("square", self.square.clone())
            .with_vector("sum", self.sum.clone())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("prodigy");
        self.distance = reader.scalar("distance")?;
        self.weighted = reader.scalar("weighted")?;
        self.first = reader.vector("first")?;
        self.mean = reader.vector("mean")?;
        self.square = reader.vector("square")?;
        self.sum = reader.vector("sum")?;
        for length in [self.first.len(), self.mean.len(), self.square.len()] {
            Error::require_length("optimizer state", self.sum.len(), length)?;
        }
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut method = Prodigy::new(0.0, 0.25, 1e-30, 1.0).unwrap().by(Preset::Paper);
        let mut u = [0.0_f64];
        let mut ask = |w: f64, g: f64| {
            method.direction(&[w], &[g], &mut u).unwrap();
            u[0]
        };
        // v = 3/4 * 4; then v = 3/4 + 3/4 * 9, r = 1/2 * 3 * 4 = 6 and s = 1/2 * 1 + 3/2 = 2, so d = 3.
        assert!((ask(5.0, 2.0) + 2.0 / 3.0_f64.sqrt()).abs() < 1e-15);
        assert!((ask(1.0, 3.0) + 3.0 / 7.5_f64.sqrt()).abs() < 1e-15);
        // m = 3, v = 7.5/4 + 3/4 * 9, and the step is 3 m over its root; r = 3 + 1/2 * 9 * 4, s = 1 + 1/2 * 9, d = 42/11.
        assert!((ask(1.0, 1.0) + 9.0 / 8.625_f64.sqrt()).abs() < 1e-15);
        let square = (42.0_f64 / 11.0).powi(2);
        assert!((ask(1.0, 2.0) + 2.0 * square / (8.625 / 4.0 + 3.0 * square).sqrt()).abs() < 1e-14);
    }

    /// The algorithm in scalars for two parameters, with every setting of a size that counts.
    #[test]
    fn five_steps_in_scalars() {
        five_steps(Preset::Package);
        five_steps(Preset::Paper);
    }

    fn five_steps(preset: Preset) {
        let (beta1, beta2, eps) = (0.5_f64, 0.25_f64, 0.1);
        let mut method = Prodigy::new(beta1, beta2, eps, 0.5).unwrap().by(preset);
        let (mut m, mut v, mut s, mut r, mut d, root) = ([0.0; 2], [0.0_f64; 2], [0.0_f64; 2], 0.0, 0.5, beta2.sqrt());
        let (first, mut w, mut u, mut grew) = ([3.0, -4.0], [3.0, -4.0], [0.0; 2], 0);
        for g in [[1.0, -0.5], [31.0, -9.0], [1.0, -2.0], [2.0, 0.5], [-1.0, 3.0]] {
            method.direction(&w, &g, &mut u).unwrap();
            r = root * r + (1.0 - root) * d * d * (0..2).map(|i| g[i] * (first[i] - w[i])).sum::<f64>();
            for i in 0..2 {
                m[i] = beta1 * m[i] + (1.0 - beta1) * d * g[i];
                v[i] = beta2 * v[i] + (1.0 - beta2) * (d * g[i]).powi(2);
                s[i] = root * s[i] + (1.0 - root) * d * d * g[i];
            }
            let estimate = r / (s[0].abs() + s[1].abs());
            let of_eps = if preset == Preset::Paper { d } else { estimate.max(d) };
            for i in 0..2 {
                assert!((u[i] + d * m[i] / (v[i].sqrt() + of_eps * eps)).abs() < 1e-13);
                // Further than the method would go, so that the distance is underestimated.
                w[i] += 4.0 * u[i];
            }
            grew += usize::from(estimate > d);
            d = estimate.max(d);
        }
        assert!(grew > 0);
    }
}
