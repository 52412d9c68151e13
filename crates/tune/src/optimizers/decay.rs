use std::ops::Range;

use onedge_objective::{Layer, Real, vector};
use onedge_registry::{Default, Error as SettingError, Kind, Setting, Settings, Value, setting};

use crate::Error;
use crate::bounds::{FROM_ZERO, refused};

/// Which tensors decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecayOn {
    /// All.
    All,
    /// Those of two dimensions or more: neither biases nor the scales of norms. The optimizer must be told the layers.
    Matrices,
}

pub(super) const DECAY_ON: Setting = setting(
    "decay_on",
    Kind::Text,
    Default::Absent,
    "which tensors decay: all, as if absent, or matrices, which leaves out biases and scales of norms",
);

impl DecayOn {
    /// That of the setting `decay_on`.
    pub(super) fn from_settings(owner: &str, settings: &Settings) -> Result<Self, SettingError> {
        match settings.optional_text("decay_on") {
            None | Some("all") => Ok(Self::All),
            Some("matrices") => Ok(Self::Matrices),
            Some(other) => Err(refused(owner, "decay_on", "`all` or `matrices`", Value::Text(other.to_owned()))),
        }
    }
}

/// Decoupled weight decay: a share of the parameters that is taken off, of all tensors or of some.
#[derive(Debug, Clone)]
pub(super) struct Decay {
    owner: &'static str,
    amount: f64,
    on: DecayOn,
    /// Where the matrices lie, and the number of all parameters; `None` until the layers are told.
    matrices: Option<(Vec<Range<usize>>, usize)>,
}

impl Decay {
    /// Of all tensors, by `amount`, 0 or more; `owner` names the optimizer in errors.
    pub(super) fn new(owner: &'static str, amount: f64) -> Result<Self, SettingError> {
        let amount = FROM_ZERO.check(owner, "decay", amount)?;
        Ok(Self { owner, amount, on: DecayOn::All, matrices: None })
    }

    pub(super) fn on(self, on: DecayOn) -> Self {
        Self { on, ..self }
    }

    pub(super) fn set_layers(&mut self, layers: &[Layer]) {
        let matrices = layers.iter().filter(|layer| layer.shape.len() >= 2).map(|layer| layer.range.clone());
        self.matrices = Some((matrices.collect(), layers.last().map_or(0, |layer| layer.range.end)));
    }

    /// `target <- target - scale decay w` where it decays.
    pub(super) fn apply<T: Real>(&self, scale: f64, w: &[T], target: &mut [T]) -> Result<(), Error> {
        let alpha = -(scale * self.amount);
        match (self.on, &self.matrices) {
            (DecayOn::All, _) => vector::axpy(alpha, w, target),
            (DecayOn::Matrices, None) => return Err(Error::NoLayers { optimizer: self.owner }),
            (DecayOn::Matrices, Some((ranges, dim))) => {
                Error::require_length("layers", w.len(), *dim)?;
                for range in ranges {
                    vector::axpy(alpha, &w[range.clone()], &mut target[range.clone()]);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_vectors_if_asked_to() {
        let layers = Layer::in_order([("w", vec![2, 1]), ("b", vec![1]), ("conv", vec![1, 1, 1, 1]), ("s", vec![])]);
        let (w, start) = ([1.0, 2.0, 3.0, 4.0, 5.0], [10.0; 5]);
        let mut decay = Decay::new("adamw", 0.5).unwrap();
        let mut all = start;
        decay.apply(2.0, &w, &mut all).unwrap();
        assert_eq!(all, [9.0, 8.0, 7.0, 6.0, 5.0]);
        decay = decay.on(DecayOn::Matrices);
        let mut some = start;
        let message = decay.apply(2.0, &w, &mut some).unwrap_err().to_string();
        assert!(message.starts_with("adamw: expected to know the layers, got none; try"), "{message}");
        decay.set_layers(&layers);
        decay.apply(2.0, &w, &mut some).unwrap();
        assert_eq!(some, [9.0, 8.0, 10.0, 6.0, 10.0]);
        assert!(decay.apply(2.0, &w[..4], &mut some[..4]).is_err());
    }
}
