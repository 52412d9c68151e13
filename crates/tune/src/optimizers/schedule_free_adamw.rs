use onedge_objective::{Layer, Real, State};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::adam::{BETA2, EPS};
use super::averaging::{Averaging, warmup};
use super::checks::check_lengths;
use super::decay::{DECAY_ON, Decay, DecayOn};
use super::make::Make;
use super::schedule_free_sgd::{BETA, DECAY, WARMUP};
use crate::bounds::{self, DECAY_RATE, IN_RANGE, POSITIVE};
use crate::preset::{Preset, preset};
use crate::{Error, Foresight, Optimizer};

/// Schedule-free AdamW: as schedule-free SGD, with RMSProp's division of the gradient; the average stands for Adam's
/// momentum.
///
/// ```text
/// v <- beta2 v + (1 - beta2) g^2,  gamma_t = gamma min(1, t / warmup)
/// z <- z - gamma_t g / (sqrt(v / (1 - beta2^t)) + eps) - gamma_t decay y
/// c = gamma_t^2 / (sum of gamma_i^2),  x <- (1 - c) x + c z,  y = (1 - beta) z + beta x
/// ```
///
/// So the authors' package schedulefree has it since version 1.3, and so it is unless asked otherwise. With
/// [`Preset::Paper`] the rate is corrected in the place of v, which gives the first points less weight in x and the
/// first steps less decay and a larger eps:
///
/// ```text
/// z <- z - gamma_t g / (sqrt(v) + eps) - gamma_t decay y,  gamma_t = gamma sqrt(1 - beta2^t) min(1, t / warmup)
/// ```
///
/// The parameters of the run are y, and the update is the whole way to the next y: to be used with the rate 1, the
/// method's own rate being the setting `rate`. Another rate goes that share of the way, while z and x go on as though
/// it had gone all. [`evaluation_point`](Optimizer::evaluation_point) is x. As u holds the way to the average, there is
/// no edge, and no preconditioner is said.
///
/// Cost: three vectors.
///
/// Source: Defazio et al. 2024, arXiv 2405.15682, algorithm 1; rate 0.0025 as in the authors' code.
#[derive(Debug, Clone)]
pub struct ScheduleFreeAdamW<T> {
    preset: Preset,
    rate: f64,
    beta2: f64,
    eps: f64,
    decay: Decay,
    averaging: Averaging<T>,
    square: Vec<T>,
}

/// The settings of [`ScheduleFreeAdamW`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScheduleFreeAdamWOptions {
    /// gamma, positive.
    pub rate: f64,
    /// Share of the average where gradients are taken, in [0, 1).
    pub beta: f64,
    /// Decay of the mean square, in [0, 1).
    pub beta2: f64,
    /// Added to the root, positive.
    pub eps: f64,
    /// Weight decay, 0 or more.
    pub decay: f64,
    /// Steps over which the rate rises; 0 for none.
    pub warmup: u64,
}

impl<T: Real> ScheduleFreeAdamW<T> {
    /// With these settings.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(options: ScheduleFreeAdamWOptions) -> Result<Self, SettingError> {
        let ScheduleFreeAdamWOptions { rate, beta, beta2, eps, decay, warmup } = options;
        Ok(Self {
            preset: Preset::Package,
            rate: POSITIVE.check(NAME, "rate", rate)?,
            beta2: DECAY_RATE.check(NAME, "beta2", beta2)?,
            eps: bounds::EPS.check(NAME, "eps", eps)?,
            decay: Decay::new(NAME, decay)?,
            averaging: Averaging::new(NAME, beta, warmup)?,
            square: Vec::new(),
        })
    }

    /// By the formula of the package, which it is unless said, or of the paper.
    pub fn by(self, preset: Preset) -> Self {
        Self { preset, ..self }
    }

    /// With the weight decay on these tensors; on all unless said.
    pub fn decay_on(self, on: DecayOn) -> Self {
        Self { decay: self.decay.on(on), ..self }
    }

    /// The formula of the paper; rate 0.0025, beta 0.9, beta2 0.999, eps 1e-8, neither decay nor warm-up.
    pub fn paper() -> Self {
        Self::package().by(Preset::Paper)
    }

    /// The formula of the package schedulefree; rate 0.0025, beta 0.9, beta2 0.999, eps 1e-8, neither decay nor warm-up.
    pub fn package() -> Self {
        let (rate, beta, beta2, eps) = (0.0025, 0.9, 0.999, 1e-8);
        let options = ScheduleFreeAdamWOptions { rate, beta, beta2, eps, decay: 0.0, warmup: 0 };
        Self::new(options).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        let method = Self::new(ScheduleFreeAdamWOptions {
            rate: number("rate"),
            beta: number("beta"),
            beta2: number("beta2"),
            eps: number("eps"),
            decay: number("decay"),
            warmup: warmup(settings)?,
        })?;
        let method = method.by(Preset::from_settings(settings)?);
        Ok(method.decay_on(DecayOn::from_settings(NAME, settings)?))
    }
}

const NAME: &str = "schedule-free-adamw";

pub(super) static ENTRY: Entry<Make> = Entry {
    name: NAME,
    summary: "AdamW with an average in the place of a schedule; with rate 1",
    doc: "z <- z - gamma (g(y) / (sqrt(v / (1 - beta2^t)) + eps) + decay y), x the average of the z weighted by gamma^2, \
          y = (1 - beta) z + beta x: schedulefree.AdamWScheduleFree, from version 1.3 on. With preset = \"paper\" gamma_t = gamma \
          sqrt(1 - beta2^t) stands for gamma, and sqrt(v) is not corrected. Gradients are taken at y, results evaluated and \
          kept at x. For the rate 1: another goes that share of the way. No edge. Source: Defazio et al. 2024, arXiv \
          2405.15682, algorithm 1.",
    settings: &[
        preset("where the bias is corrected: `package`, in v, as schedulefree, or `paper`, in the rate"),
        setting("rate", Kind::Number, Default::Is("0.0025"), "gamma, the method's own rate"),
        BETA,
        BETA2,
        EPS,
        DECAY,
        DECAY_ON,
        WARMUP,
    ],
    build: Make {
        f32: |settings| Ok(Box::new(ScheduleFreeAdamW::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(ScheduleFreeAdamW::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for ScheduleFreeAdamW<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.square)?;
        self.square.resize(w.len(), T::ZERO);
        self.averaging.begin(w);
        let correction = 1.0 - self.beta2.powf(self.averaging.steps() as f64);
        let (of_rate, of_square) = match self.preset {
            Preset::Package => (1.0, correction),
            Preset::Paper => (correction.sqrt(), 1.0),
        };
        let (rate, of_square) = (self.averaging.warm(self.rate) * of_rate, T::from_f64(of_square));
        let (keep, add) = (T::from_f64(self.beta2), T::from_f64(1.0 - self.beta2));
        let (step, eps) = (T::from_f64(rate), T::from_f64(self.eps));
        let state = self.averaging.last_mut().iter_mut().zip(&mut self.square);
        for (&g, (z, v)) in g.iter().zip(state) {
            *v = keep * *v + add * (g * g);
            *z -= step * (g / ((*v / of_square).sqrt() + eps));
        }
        self.decay.apply(rate, w, self.averaging.last_mut())?;
        self.averaging.finish(rate, w, u);
        Ok(())
    }

    fn set_layers(&mut self, layers: &[Layer]) -> Result<(), Error> {
        self.decay.set_layers(layers);
        Ok(())
    }

    fn preconditioner(&self) -> Option<&[T]> {
        None
    }

    fn edge(&self) -> Option<f64> {
        None
    }

    fn foresee(&self, steps: u64) -> Option<Foresight> {
        self.averaging.foresee(steps)
    }

    fn evaluation_point(&self) -> Option<&[T]> {
        self.averaging.mean()
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        self.averaging.state().with_vector("square", self.square.clone())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("schedule-free-adamw");
        self.averaging.restore(&mut reader)?;
        self.square = reader.vector("square")?;
        Error::require_length("optimizer state", self.averaging.last().len(), self.square.len())?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let (rate, beta, beta2, eps, decay) = (1.0, 0.5, 0.75, 1e-30, 0.5);
        let options = ScheduleFreeAdamWOptions { rate, beta, beta2, eps, decay, warmup: 0 };
        let mut method = ScheduleFreeAdamW::new(options).unwrap().by(Preset::Paper);
        let mut u = [0.0_f64];
        // gamma = (1/4)^(1/2), v = 16/4: z = 6 - 1/2 * 4/2 - 1/4 * 6 = 3.5, and x and y with it.
        method.direction(&[6.0], &[4.0], &mut u).unwrap();
        assert!((u[0] + 2.5).abs() < 1e-15);
        // gamma^2 = 7/16, no gradient: z = 3.5 (1 - gamma / 2), c = (7/16) / (1/4 + 7/16) = 7/11.
        method.direction(&[3.5], &[0.0], &mut u).unwrap();
        let z = 3.5 * (1.0 - 7.0_f64.sqrt() / 8.0);
        let x = 3.5 * 4.0 / 11.0 + z * 7.0 / 11.0;
        assert!((u[0] + 3.5 - 0.5 * (x + z)).abs() < 1e-15);
        assert!((method.evaluation_point().unwrap()[0] - x).abs() < 1e-15);
    }

    #[test]
    fn the_package_by_hand() {
        let (rate, beta, beta2, eps, decay) = (1.0, 0.5, 0.75, 1.0, 0.5);
        let options = ScheduleFreeAdamWOptions { rate, beta, beta2, eps, decay, warmup: 0 };
        let mut method = ScheduleFreeAdamW::new(options).unwrap();
        let mut u = [0.0_f64];
        // v = 4^2 / 4 and v / (1 - 3/4) = 4^2: z = 6 - 4 / (4 + 1) - 6 / 2 = 2.2.
        method.direction(&[6.0], &[4.0], &mut u).unwrap();
        assert!((u[0] - (2.2 - 6.0)).abs() < 1e-15);
        // No gradient: z = 2.2 / 2, and c = 1/2 however v is corrected: x = 1.65, y = (1.65 + 1.1) / 2.
        method.direction(&[2.2], &[0.0], &mut u).unwrap();
        assert!((u[0] - (1.375 - 2.2)).abs() < 1e-15);
    }

    #[test]
    fn eps_is_added_to_the_root() {
        let (rate, beta, beta2, eps, decay) = (2.0, 0.5, 0.75, 1.0, 0.5);
        let options = ScheduleFreeAdamWOptions { rate, beta, beta2, eps, decay, warmup: 0 };
        let mut u = [0.0_f64];
        // gamma = 2 (1/4)^(1/2) = 1 and v = 4: z = 6 - 4 / (2 + 1) - 0.5 * 6.
        let mut method = ScheduleFreeAdamW::new(options).unwrap().by(Preset::Paper);
        method.direction(&[6.0], &[4.0], &mut u).unwrap();
        assert!((u[0] + 4.0 / 3.0 + 3.0).abs() < 1e-14);
    }
}
