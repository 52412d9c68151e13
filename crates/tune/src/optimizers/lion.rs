use onedge_objective::{Layer, Real, State};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::checks::check_lengths;
use super::decay::{DECAY_ON, Decay, DecayOn};
use super::make::Make;
use crate::bounds::{DECAY_RATE, IN_RANGE};
use crate::{Error, Optimizer};

/// Lion: the sign of a mean of gradients, with decoupled weight decay.
///
/// ```text
/// u = -sign(beta1 m + (1 - beta1) g) - decay w,  m <- beta2 m + (1 - beta2) g
/// ```
///
/// m is zero at first, and the sign of 0 is 0. Every element moves by the learning rate, whatever the size of the
/// gradient, so on a quadratic a constant rate neither converges nor diverges but ends in a swing of that size: there is
/// no edge, and no diagonal divides the gradient. The sharpness is that of the loss; its product with the rate says
/// nothing of stability. Slope and curvature along u mean what they always do.
///
/// Cost: one vector.
///
/// Source: Chen et al. 2023, arXiv 2302.06675, algorithm 2.
#[derive(Debug, Clone)]
pub struct Lion<T> {
    beta1: f64,
    beta2: f64,
    decay: Decay,
    mean: Vec<T>,
}

impl<T: Real> Lion<T> {
    /// With decays `beta1` of the mean in the sign and `beta2` of the mean that is kept, in [0, 1), and a weight `decay`,
    /// 0 or more.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta1: f64, beta2: f64, decay: f64) -> Result<Self, SettingError> {
        let (beta1, beta2) = (DECAY_RATE.check("lion", "beta1", beta1)?, DECAY_RATE.check("lion", "beta2", beta2)?);
        Ok(Self { beta1, beta2, decay: Decay::new("lion", decay)?, mean: Vec::new() })
    }

    /// Decays 0.9 and 0.99, no weight decay.
    ///
    /// Source: Chen et al. 2023, arXiv 2302.06675, section 4; the weight decay, which the paper tunes, as in the
    /// authors' code.
    pub fn paper() -> Self {
        Self::new(0.9, 0.99, 0.0).expect(IN_RANGE)
    }

    /// With the weight decay on these tensors; on all unless said.
    pub fn decay_on(self, on: DecayOn) -> Self {
        Self { decay: self.decay.on(on), ..self }
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        let lion = Self::new(number("beta1"), number("beta2"), number("decay"))?;
        Ok(lion.decay_on(DecayOn::from_settings("lion", settings)?))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "lion",
    summary: "the sign of a mean of gradients: Lion",
    doc: "u = -sign(beta1 m + (1 - beta1) g) - decay w, then m <- beta2 m + (1 - beta2) g. Every element moves by the \
          learning rate, so there is no edge, and rate x sharpness says nothing of stability. Source: Chen et al. 2023, \
          arXiv 2302.06675, algorithm 2.",
    settings: &[
        setting("beta1", Kind::Number, Default::Is("0.9"), "decay of the mean inside of the sign, in [0, 1)"),
        setting("beta2", Kind::Number, Default::Is("0.99"), "decay of the mean that is kept, in [0, 1)"),
        setting("decay", Kind::Number, Default::Is("0.0"), "weight decay, 0 or more"),
        DECAY_ON,
    ],
    build: Make {
        f32: |settings| Ok(Box::new(Lion::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(Lion::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for Lion<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.mean)?;
        self.mean.resize(w.len(), T::ZERO);
        let (keep1, add1) = (T::from_f64(self.beta1), T::from_f64(1.0 - self.beta1));
        let (keep2, add2) = (T::from_f64(self.beta2), T::from_f64(1.0 - self.beta2));
        for ((u, m), &g) in u.iter_mut().zip(&mut self.mean).zip(g) {
            *u = -sign(keep1 * *m + add1 * g);
            *m = keep2 * *m + add2 * g;
        }
        self.decay.apply(1.0, w, u)
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

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        State::new().with_vector("mean", self.mean.clone())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("lion");
        self.mean = reader.vector("mean")?;
        Ok(reader.finish()?)
    }
}

/// -1, 0 or 1, and NaN where x is.
fn sign<T: Real>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        -T::ONE
    } else {
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut lion = Lion::new(0.75, 0.5, 0.25).unwrap();
        let mut u = [0.0_f64; 3];
        // The signs of g, less a quarter of w; m = g / 2.
        lion.direction(&[4.0, -2.0, 8.0], &[3.0, -1e-9, 0.0], &mut u).unwrap();
        assert_eq!(u, [-2.0, 1.5, -2.0]);
        // 0.75 * 1.5 - 0.25 * 4 = 0.125 is still positive, then m = 0.75 - 2 and 0.75 * -1.25 + 0.25 * 3 is not.
        lion.direction(&[0.0; 3], &[-4.0, 0.0, 1.0], &mut u).unwrap();
        assert_eq!(u, [-1.0, 1.0, -1.0]);
        lion.direction(&[0.0; 3], &[3.0, 0.0, 0.0], &mut u).unwrap();
        assert_eq!(u, [1.0, 1.0, -1.0]);
    }
}
