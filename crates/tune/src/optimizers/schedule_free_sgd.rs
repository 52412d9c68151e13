use onedge_objective::{Layer, Real, State, vector};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Setting, Settings, setting};

use super::averaging::{Averaging, warmup};
use super::checks::check_lengths;
use super::decay::{DECAY_ON, Decay, DecayOn};
use super::make::Make;
use crate::bounds::{IN_RANGE, POSITIVE};
use crate::preset::{Preset, differs, preset};
use crate::{Error, Foresight, Optimizer};

/// Schedule-free SGD: gradients are taken between the last point z of plain SGD and the average x of them all, and x is
/// what is evaluated and kept.
///
/// ```text
/// gamma_t = gamma min(1, t / warmup),  z <- z - gamma_t (g(y) + decay y)
/// c = gamma_t^2 / (sum of gamma_i^2),  x <- (1 - c) x + c z,  y = (1 - beta) z + beta x
/// ```
///
/// The parameters of the run are y, and the update is the whole way to the next y: to be used with the rate 1, the
/// method's own rate being the setting `rate`. Another rate goes that share of the way, while z and x go on as though
/// it had gone all. [`evaluation_point`](Optimizer::evaluation_point) is x. As u holds the way to the average, it is no
/// multiple of the gradient and there is no edge.
///
/// Cost: two vectors.
///
/// Source: Defazio et al. 2024, arXiv 2405.15682, equations 2 to 4; the weights as in its algorithm 1.
#[derive(Debug, Clone)]
pub struct ScheduleFreeSgd<T> {
    rate: f64,
    decay: Decay,
    averaging: Averaging<T>,
}

impl<T: Real> ScheduleFreeSgd<T> {
    /// With a positive `rate`, `beta` in [0, 1), weight `decay` 0 or more, and a `warmup` of so many steps.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(rate: f64, beta: f64, decay: f64, warmup: u64) -> Result<Self, SettingError> {
        let rate = POSITIVE.check("schedule-free-sgd", "rate", rate)?;
        let averaging = Averaging::new("schedule-free-sgd", beta, warmup)?;
        Ok(Self { rate, decay: Decay::new("schedule-free-sgd", decay)?, averaging })
    }

    /// With the weight decay on these tensors; on all unless said.
    pub fn decay_on(self, on: DecayOn) -> Self {
        Self { decay: self.decay.on(on), ..self }
    }

    /// Rate 1, beta 0.9, neither decay nor warm-up, as `SGDScheduleFree` of the authors' package schedulefree.
    pub fn package() -> Self {
        Self::new(1.0, 0.9, 0.0, 0).expect(IN_RANGE)
    }

    /// Rate 0.01, beta 0.9, neither decay nor warm-up. Differs from the paper: it tunes the rate for each problem.
    pub fn paper() -> Self {
        Self::new(0.01, 0.9, 0.0, 0).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        // It has no formula of its own, only a default.
        Preset::from_settings(settings)?;
        let number = |key| settings.number(key);
        let method = Self::new(number("rate"), number("beta"), number("decay"), warmup(settings)?)?;
        Ok(method.decay_on(DecayOn::from_settings("schedule-free-sgd", settings)?))
    }
}

pub(super) const BETA: Setting =
    setting("beta", Kind::Number, Default::Is("0.9"), "share of the average where gradients are taken, in [0, 1)");
pub(super) const DECAY: Setting = setting("decay", Kind::Number, Default::Is("0.0"), "weight decay, 0 or more");
pub(super) const WARMUP: Setting =
    setting("warmup", Kind::Integer, Default::Absent, "steps over which the method's own rate rises; none if not set");

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "schedule-free-sgd",
    summary: "SGD with an average in the place of a schedule; with rate 1",
    doc: "z <- z - gamma (g(y) + decay y), x the average of the z weighted by gamma^2, y = (1 - beta) z + beta x. \
          Gradients are taken at y, results evaluated and kept at x. For the rate 1: another goes that share of the \
          way. No edge. The rate of the preset `package` is that of schedulefree.SGDScheduleFree; the paper tunes it, and \
          `paper` begins at 0.01. Source: Defazio et al. 2024, arXiv 2405.15682.",
    settings: &[
        preset("whose rate: `package`, schedulefree's, or `paper`, a cautious one, as the paper has none"),
        setting(
            "rate",
            Kind::Number,
            differs(&[("package", "1.0"), ("paper", "0.01")]),
            "gamma, the method's own rate, to be tuned",
        ),
        BETA,
        DECAY,
        DECAY_ON,
        WARMUP,
    ],
    build: Make {
        f32: |settings| Ok(Box::new(ScheduleFreeSgd::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(ScheduleFreeSgd::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for ScheduleFreeSgd<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, self.averaging.last())?;
        self.averaging.begin(w);
        let rate = self.averaging.warm(self.rate);
        let last = self.averaging.last_mut();
        vector::axpy(-rate, g, last);
        self.decay.apply(rate, w, last)?;
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
        self.averaging.state()
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("schedule-free-sgd");
        self.averaging.restore(&mut reader)?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut method = ScheduleFreeSgd::new(1.0, 0.5, 0.0, 0).unwrap();
        let mut u = [0.0_f64];
        assert!(method.evaluation_point().is_none());
        // From 4: z = 2 = x = y; then z = 1, c = 1/2, x = 1.5, y = 1.25; then z = -1, c = 1/3, x = 2/3, y = -1/6.
        for (w, g, next, mean) in [(4.0, 2.0, 2.0, 2.0), (2.0, 1.0, 1.25, 1.5), (1.25, 2.0, -1.0 / 6.0, 2.0 / 3.0)] {
            method.direction(&[w], &[g], &mut u).unwrap();
            assert!((w + u[0] - next).abs() < 1e-15);
            assert!((method.evaluation_point().unwrap()[0] - mean).abs() < 1e-15);
        }
    }

    #[test]
    fn decay_and_warm_up_by_hand() {
        let mut method = ScheduleFreeSgd::new(1.0, 0.0, 0.25, 2).unwrap();
        let mut u = [0.0_f64];
        // gamma = 1/2: z = 4 - (2 + 1) / 2; gamma = 1: z = 2.5 - (1 + 0.625), and c = 1 / (1/4 + 1).
        method.direction(&[4.0], &[2.0], &mut u).unwrap();
        assert_eq!(u[0], -1.5);
        method.direction(&[2.5], &[1.0], &mut u).unwrap();
        assert_eq!(u[0], -1.625);
        assert!((method.evaluation_point().unwrap()[0] - (0.2 * 2.5 + 0.8 * 0.875)).abs() < 1e-15);
        // A third of the rate 3 at the first of three steps: 4 - (2 + 1).
        let mut warm = ScheduleFreeSgd::new(3.0, 0.0, 0.25, 3).unwrap();
        warm.direction(&[4.0], &[2.0], &mut u).unwrap();
        assert!((u[0] + 3.0).abs() < 1e-15);
        // Then two thirds: 1 - 2 (0.5 + 0.25).
        warm.direction(&[1.0], &[0.5], &mut u).unwrap();
        assert!((u[0] + 1.5).abs() < 1e-15);
        let too_long = |steps| Optimizer::<f64>::foresee(&warm, steps);
        assert_eq!(too_long(2), Some(Foresight::Rising { warmup: 3, key: "warmup", steps: 2 }));
        assert_eq!(too_long(3), None, "the third step is one at the whole rate");
    }
}
