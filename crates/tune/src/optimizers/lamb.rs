use onedge_objective::{Layer, Real, State, vector};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::adam::{Adam, BETA1, BETA2};
use super::checks::told;
use super::decay::{DECAY_ON, Decay, DecayOn};
use super::make::Make;
use crate::bounds::IN_RANGE;
use crate::{Error, Optimizer};

/// LAMB: AdamW's update, scaled in each tensor to the length of the tensor's parameters.
///
/// ```text
/// r = u_adam - decay w,  u_l = (|w_l| / |r_l|) r_l  for each tensor l
/// ```
///
/// A tensor whose parameters or update are all zero is not scaled. It must be told the layers.
///
/// Every tensor moves by the learning rate times its own length, whatever the size of the gradient: at a constant rate
/// near a minimum the update does not die out. So there is no edge, and no preconditioner is said, as Adam's diagonal is
/// not what the gradient is divided by. The sharpness is that of the loss; its product with the rate says nothing of
/// stability. Slope and curvature along u mean what they always do.
///
/// Cost: Adam's three vectors.
///
/// Source: You et al. 2020, arXiv 1904.00962, algorithm 2, with the identity for phi.
#[derive(Debug, Clone)]
pub struct Lamb<T> {
    adam: Adam<T>,
    decay: Decay,
    layers: Vec<Layer>,
}

impl<T: Real> Lamb<T> {
    /// With Adam's settings and a weight `decay`, 0 or more.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(beta1: f64, beta2: f64, eps: f64, decay: f64) -> Result<Self, SettingError> {
        let adam = Adam::checked("lamb", beta1, beta2, eps)?;
        Ok(Self { adam, decay: Decay::new("lamb", decay)?, layers: Vec::new() })
    }

    /// Decays 0.9 and 0.999, eps 1e-6, no weight decay.
    ///
    /// Source: You et al. 2020, arXiv 1904.00962, section 4; eps and weight decay as in the authors' code.
    pub fn paper() -> Self {
        Self::new(0.9, 0.999, 1e-6, 0.0).expect(IN_RANGE)
    }

    /// With the weight decay on these tensors; on all unless said.
    pub fn decay_on(self, on: DecayOn) -> Self {
        Self { decay: self.decay.on(on), ..self }
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        let lamb = Self::new(number("beta1"), number("beta2"), number("eps"), number("decay"))?;
        Ok(lamb.decay_on(DecayOn::from_settings("lamb", settings)?))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "lamb",
    summary: "AdamW with each tensor's update as long as the tensor: LAMB",
    doc: "r = u_adam - decay w, and in each tensor l u_l = (|w_l| / |r_l|) r_l; not scaled where either is zero. Every \
          tensor moves by the rate times its length, so there is no edge, and rate x sharpness says nothing of stability. \
          Source: You et al. 2020, arXiv 1904.00962, algorithm 2.",
    settings: &[
        BETA1,
        BETA2,
        setting("eps", Kind::Number, Default::Is("1e-6"), "added to the root, positive"),
        setting("decay", Kind::Number, Default::Is("0.0"), "weight decay, 0 or more"),
        DECAY_ON,
    ],
    build: Make {
        f32: |settings| Ok(Box::new(Lamb::from_settings(settings)?)),
        f64: |settings| Ok(Box::new(Lamb::from_settings(settings)?)),
    },
};

impl<T: Real> Optimizer<T> for Lamb<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        let layers = told("lamb", &self.layers, w.len())?;
        self.adam.direction(w, g, u)?;
        self.decay.apply(1.0, w, u)?;
        for layer in layers {
            let (size, part) = (vector::norm(&w[layer.range.clone()]), &mut u[layer.range.clone()]);
            let length = vector::norm(part);
            if size > 0.0 && length > 0.0 {
                vector::scale(size / length, part);
            }
        }
        Ok(())
    }

    fn set_layers(&mut self, layers: &[Layer]) -> Result<(), Error> {
        self.layers = layers.to_vec();
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
        self.adam.state()
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        self.adam.restore(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut lamb = Lamb::new(0.0, 0.0, 1.0, 0.5).unwrap();
        let mut u = [0.0_f64; 5];
        let (w, g) = ([6.0, 8.0, 0.0, 2.0, 0.0], [1.0, -1.0, 3.0, -1.0, 0.0]);
        let message = lamb.direction(&w, &g, &mut u).unwrap_err().to_string();
        assert!(message.starts_with("lamb: expected to know the layers, got none; try"), "{message}");
        lamb.set_layers(&Layer::in_order([("a", vec![2]), ("b", vec![1]), ("c", vec![1, 1]), ("d", vec![1])])).unwrap();
        lamb.direction(&w, &g, &mut u).unwrap();
        // r = -g / (|g| + 1) - w / 2 = (-3.5, -3.5) of length 3.5 * 2^(1/2), where w has 10. Next to zero: r itself,
        // then r = 0.5 - 1, turned into the length 2, and nothing at all.
        let along = 10.0 / 2.0_f64.sqrt();
        let expected = [-along, -along, -0.75, -2.0, 0.0];
        assert!(u.iter().zip(expected).all(|(u, expected)| (u - expected).abs() < 1e-14), "{u:?}");
    }

    #[test]
    fn a_tensor_without_a_gradient_stays() {
        let mut lamb = Lamb::new(0.0, 0.0, 1.0, 0.0).unwrap();
        lamb.set_layers(&Layer::in_order([("a", vec![2])])).unwrap();
        let mut u = [7.0_f64; 2];
        lamb.direction(&[1.0, 2.0], &[0.0, 0.0], &mut u).unwrap();
        assert_eq!(u, [0.0, 0.0]);
    }
}
