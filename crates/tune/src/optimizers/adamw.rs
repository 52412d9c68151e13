use onedge_objective::{Layer, Real, State, vector};
use onedge_registry::{Entry, Error as SettingError, Kind, Settings, setting};

use super::adam::{Adam, BETA1, BETA2, EPS};
use super::decay::{DECAY_ON, Decay, DecayOn};
use super::make::Make;
use crate::bounds::IN_RANGE;
use crate::preset::{Preset, differs, preset};
use crate::{Error, Optimizer};

/// AdamW: Adam's update plus decoupled weight decay, `u = u_adam - decay w`.
///
/// The decay belongs to the update, not to the loss: slope and curvature are those of the undecayed loss along this
/// whole u, so that `g.u = g.u_adam - decay g.w`, and a tuner scales the decay together with the rest.
/// Near a minimum the decay can be the larger part and lead uphill. Where a linesearch asks for a
/// [restart](Optimizer::restart) and the decay alone would have it uphill again, this step has none.
///
/// Edge and preconditioner are Adam's; the decay shifts the edge by less than its own size and is left out there.
///
/// Source: Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2, the decay multiplied by the learning rate.
#[derive(Debug, Clone)]
pub struct AdamW<T> {
    adam: Adam<T>,
    decay: Decay,
}

impl<T: Real> AdamW<T> {
    /// Adam's settings and a `decay`, 0 or more.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta1: f64, beta2: f64, eps: f64, decay: f64) -> Result<Self, SettingError> {
        let adam = Adam::checked("adamw", beta1, beta2, eps)?;
        Ok(Self { adam, decay: Decay::new("adamw", decay)? })
    }

    /// Adam's constants and decay 1e-2, as `torch.optim.AdamW` has them. Optax's `adamw` decays by 1e-4.
    pub fn package() -> Self {
        Self::new(0.9, 0.999, 1e-8, 1e-2).expect(IN_RANGE)
    }

    /// Adam's constants and decay 1e-5.
    ///
    /// Source: Roulet et al. 2024, arXiv 2407.06183. Differs from the paper: it does not say whether its weight
    /// decay of 1e-5 is decoupled or part of the loss.
    pub fn paper() -> Self {
        Self::new(0.9, 0.999, 1e-8, 1e-5).expect(IN_RANGE)
    }

    /// With the weight decay on these tensors; on all unless said.
    pub fn decay_on(self, on: DecayOn) -> Self {
        Self { decay: self.decay.on(on), ..self }
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        // It has no formula of its own, only a default.
        Preset::from_settings(settings)?;
        let adamw = Self::new(number("beta1"), number("beta2"), number("eps"), number("decay"))?;
        Ok(adamw.decay_on(DecayOn::from_settings("adamw", settings)?))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "adamw",
    summary: "Adam with decoupled weight decay",
    doc: "u = u_adam - decay w. Slope and curvature are those of the undecayed loss along this u. Edge as for adam. \
          The decay of the preset `package` is that of torch.optim.AdamW (Optax: 1e-4), that of `paper` is Roulet et al.'s. \
          Source: Loshchilov and Hutter 2019, arXiv 1711.05101.",
    settings: &[
        preset("whose decay: `package`, PyTorch's, or `paper`, that of arXiv 2407.06183"),
        BETA1,
        BETA2,
        EPS,
        setting("decay", Kind::Number, differs(&[("package", "1e-2"), ("paper", "1e-5")]), "weight decay, 0 or more"),
        DECAY_ON,
    ],
    build: Make {
        f32: |settings| Ok(Box::new(AdamW::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(AdamW::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for AdamW<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        self.adam.direction(w, g, u)?;
        self.decay.apply(1.0, w, u)
    }

    fn restart(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<bool, Error> {
        self.adam.restart(w, g, u)?;
        self.decay.apply(1.0, w, u)?;
        if vector::dot(g, u) >= 0.0 {
            self.adam.restart(w, g, u)?;
        }
        Ok(true)
    }

    fn set_layers(&mut self, layers: &[Layer]) -> Result<(), Error> {
        self.decay.set_layers(layers);
        Ok(())
    }

    fn preconditioner(&self) -> Option<&[T]> {
        self.adam.preconditioner()
    }

    fn edge(&self) -> Option<f64> {
        self.adam.edge()
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        self.adam.state()
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        self.adam.restore(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At w = 8, g = -0.01 the decay of 0.25 * 8 leads uphill; a restart leaves it out, and keeps it where it does not matter.
    #[test]
    fn a_restart_leads_downhill() {
        for (g, expected) in [(-0.01, 0.01 / 1.01), (3.0, -3.0 / 4.0 - 2.0)] {
            let mut update = [0.0];
            let mut adamw = AdamW::new(0.5, 0.75, 1.0, 0.25).unwrap();
            // nu = (1/4) g^2 over 1 - 3/4, and the same after a restart, so that P = |g| + 1.
            adamw.direction(&[8.0], &[g], &mut update).unwrap();
            adamw.restart(&[8.0], &[g], &mut update).unwrap();
            assert!((update[0] - expected).abs() < 1e-15, "{update:?}");
        }
    }

    #[test]
    fn by_hand() {
        let mut u = [0.0_f64];
        // Adam's part is -3 / 4, as in its own test; the decay takes 0.25 * 8 more.
        AdamW::new(0.5, 0.75, 1.0, 0.25).unwrap().direction(&[8.0], &[3.0], &mut u).unwrap();
        assert!((u[0] + 2.75).abs() < 1e-15);
    }
}
