use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use super::quadratic::quotient;
use crate::bounds::{FROM_ZERO, IN_RANGE, POSITIVE};
use crate::preset::{Preset, differs, preset};
use crate::{Error, Events, Line, Needs, Tuner};

/// Distance over weighted gradients: `eta_t = r_t^2 / (sqrt(v_t) + eps)`, with r_t the largest distance from the first point so
/// far, at least `distance`, and `v_t = v_(t-1) + r_t^2 |u_t|^2` from zero. The paper has no eps; the authors' code
/// and Optax add 1e-4.
///
/// Late updates weigh more than in DoG, so the rate does not die as fast.
///
/// - A point whose loss is more than twice the first one (above it by its size, if it is negative): its distance does not
///   count, and that is counted as capped. A longer distance makes longer steps, so a rule that overshot would go on to
///   overshoot; on deep networks that ends where no unit is left that has a gradient. It is made for updates `-g`: with momentum
///   or Adam, whose updates do not turn back at once, the distance is too long by the time that the loss tells.
/// - Non-descent direction, negative curvature: not looked at.
/// - Every update so far zero: the previous rate, or 0 at the first step, counted as a vanishing denominator.
/// - Update not finite: the step's error ends the run before the tuner is asked.
///
/// Cost: a dot product, and the first point is kept.
///
/// Source: Khaled, Mishchenko and Jin 2023, arXiv 2305.16284, algorithm 1; 1e-2 for the first distance as in the
/// authors' code. Differs from the paper: `|u|` stands where it has `|g|`, the same for gradient descent; distances count where the
/// loss is low, where the paper, for convex losses, projects on a set that is known to hold the minimum.
#[derive(Debug, Clone)]
pub struct Dowg {
    distance: f64,
    eps: f64,
    weighted: f64,
    first_loss: Option<f64>,
    events: Events,
}

impl Dowg {
    /// With the first distance `distance`, positive.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(distance: f64) -> Result<Self, SettingError> {
        let distance = POSITIVE.check("dowg", "distance", distance)?;
        Ok(Self { distance, eps: 0.0, weighted: 0.0, first_loss: None, events: Events::default() })
    }

    /// With `eps`, 0 or more, added to the root; 0 unless said.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn with_eps(self, eps: f64) -> Result<Self, SettingError> {
        Ok(Self { eps: FROM_ZERO.check("dowg", "eps", eps)?, ..self })
    }

    /// First distance 1e-2, eps 1e-4, as the authors' code and `optax.contrib.dowg`.
    pub fn package() -> Self {
        Self::paper().with_eps(1e-4).expect(IN_RANGE)
    }

    /// First distance 1e-2, no eps.
    pub fn paper() -> Self {
        Self::new(1e-2).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Preset::from_settings(settings)?;
        Self::new(settings.number("distance"))?.with_eps(settings.number("eps"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "dowg",
    summary: "distance from the first point over weighted squared updates",
    doc: "eta = r^2 / (sqrt(v) + eps), r the largest distance from w_0, v the sum of r^2 |u|^2. Updates that are all zero give \
          the previous rate, counted; distances of points with more than twice the first loss do not count, counted as capped. \
          For convex losses, with gradient descent. eps is that of the authors' code and optax.contrib.dowg, or with preset = \"paper\" 0. \
          Source: Khaled et al. 2023, arXiv 2305.16284, algorithm 1.",
    settings: &[
        preset("whose eps: `package`, the authors' code's, or `paper`, none"),
        setting("distance", Kind::Number, Default::Is("0.01"), "first distance"),
        setting("eps", Kind::Number, differs(&[("package", "1e-4"), ("paper", "0.0")]), "added to the root, 0 or more"),
    ],
    build: |settings| Ok(Box::new(Dowg::from_settings(settings)?)),
};

impl Tuner for Dowg {
    fn needs(&self) -> Needs {
        Needs { first_point: true, ..Needs::default() }
    }

    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let (loss, distance) = (line.loss(), line.distance()?.unwrap_or(0.0));
        let first = *self.first_loss.get_or_insert(loss);
        if loss <= first + first.abs() {
            self.distance = self.distance.max(distance);
        } else {
            self.events.capped += u64::from(distance > self.distance);
        }
        self.weighted += (self.distance * line.update_norm()?).powi(2);
        // Where every update was zero eps is no reason for a rate.
        let root = if self.weighted > 0.0 { self.weighted.sqrt() + self.eps } else { 0.0 };
        Ok(quotient(self.distance * self.distance, root, line, &mut self.events))
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        let state = self.events.state().with_scalar("distance", self.distance).with_scalar("weighted", self.weighted);
        self.first_loss.iter().fold(state, |state, loss| state.with_scalar("first_loss", *loss))
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("dowg");
        self.events = Events::read(&mut reader)?;
        self.distance = reader.scalar("distance")?;
        self.weighted = reader.scalar("weighted")?;
        // Not kept by earlier versions.
        self.first_loss = reader.optional_scalar("first_loss");
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/dowg.rs"]
mod tests;
