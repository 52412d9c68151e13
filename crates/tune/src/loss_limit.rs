use onedge_registry::Error as SettingError;

use crate::bounds::{Bounds, FROM_ZERO};

/// When a run counts as diverged: at a loss above a number of times its first one.
///
/// Steps that are too long may raise the loss without end and stay finite for long: a limit tells before hours are lost.
/// The step at which the loss is beyond it is not taken.
///
/// ```
/// use onedge_objective::FnObjective;
/// use onedge_spectrum::Lanczos;
/// use onedge_tune::{Error, LossLimit, Trainer, optimizers::Gd, tuners::Constant};
///
/// // The rate 1 on 3 w^2 / 2 doubles w at each step, and the loss grows fourfold.
/// let mut objective = FnObjective::of_loss(1, |w| 1.5 * w[0] * w[0])?;
/// let (optimizer, tuner) = (Box::new(Gd::paper()), Box::new(Constant::new(1.0)?));
/// let limit = LossLimit::times_first(1e4)?;
/// let mut trainer = Trainer::new(1, optimizer, tuner, Lanczos::top(1, 0))?.with_loss_limit(limit);
/// let mut w = [1.0];
/// let error = (0..100).find_map(|_| trainer.step(&mut objective, &mut w).err()).unwrap();
/// assert!(matches!(error, Error::Diverged { step: 7, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossLimit {
    factor: f64,
    least: f64,
}

const FACTOR: Bounds = Bounds::new("a number above 1", |factor| factor > 1.0);

impl LossLimit {
    /// A loss above `factor` (more than 1; infinite for no limit) times the size of the first one. Specs have 1e4.
    ///
    /// # Errors
    /// Another factor.
    pub fn times_first(factor: f64) -> Result<Self, SettingError> {
        Ok(Self { factor: FACTOR.check("loss limit", "factor", factor)?, least: 0.0 })
    }

    /// The same, but no limit below `factor` times `loss`: for runs that begin at fitted parameters, where the first loss
    /// says nothing of when a loss is large. Specs take the loss of all parameters zero.
    ///
    /// # Errors
    /// A loss that is negative or not finite.
    pub fn or_times(self, loss: f64) -> Result<Self, SettingError> {
        Ok(Self { least: FROM_ZERO.check("loss limit", "loss", loss)?, ..self })
    }

    /// The limit of a run with this first loss.
    pub(crate) fn after(self, first: f64) -> f64 {
        // Infinity times a loss of zero is no number.
        if self.factor.is_infinite() { f64::INFINITY } else { self.factor * first.abs().max(self.least) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let limit = LossLimit::times_first(10.0).unwrap();
        assert_eq!([limit.after(3.0), limit.after(-3.0)], [30.0, 30.0]);
        let limit = limit.or_times(2.0).unwrap();
        assert_eq!([limit.after(3.0), limit.after(1e-6)], [30.0, 20.0]);
        assert_eq!(LossLimit::times_first(f64::INFINITY).unwrap().after(0.0), f64::INFINITY);
        let message = LossLimit::times_first(1.0).unwrap_err().to_string();
        assert_eq!(message, "loss limit.factor: expected a number above 1, got 1.0");
        assert!(limit.or_times(f64::NAN).is_err() && limit.or_times(-1.0).is_err());
    }
}
