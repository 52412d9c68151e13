use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use super::quadratic::quotient;
use crate::bounds::{FROM_ZERO, IN_RANGE, POSITIVE};
use crate::preset::{Preset, differs, preset};
use crate::{Error, Events, Line, Needs, Tuner};

/// Distance over gradients: `eta_t = r_t / sqrt(G_t + eps)`, with r_t the largest distance from the first point so far, at
/// least `relative (1 + |w_0|)`, and G_t the sum of `|u_i|^2` over the steps up to this one. The paper has no eps; the authors'
/// package dog-optimizer and Optax add 1e-8.
///
/// - Non-descent direction, negative curvature: not looked at.
/// - Every update so far zero: the previous rate, or 0 at the first step, counted as a vanishing denominator.
/// - Update not finite: the step's error ends the run before the tuner is asked.
///
/// Cost: a dot product, and the first point is kept.
///
/// Source: Ivgi, Hinder and Carmon 2023, arXiv 2302.12022, the DoG formula of section 1 and the first distance of
/// section 4. Differs from the paper: `|u|` stands where it has `|g|`, the same for gradient descent, so that with
/// another optimizer `eta u` does not depend on the scale of u; and its average of the iterates is left out.
#[derive(Debug, Clone)]
pub struct Dog {
    relative: f64,
    eps: f64,
    distance: f64,
    squares: f64,
    events: Events,
}

impl Dog {
    /// With the first distance `relative (1 + |w_0|)`.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(relative: f64) -> Result<Self, SettingError> {
        let relative = POSITIVE.check("dog", "relative", relative)?;
        Ok(Self { relative, eps: 0.0, distance: 0.0, squares: 0.0, events: Events::default() })
    }

    /// With `eps`, 0 or more, added to the sum of squares; 0 unless said.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn with_eps(self, eps: f64) -> Result<Self, SettingError> {
        Ok(Self { eps: FROM_ZERO.check("dog", "eps", eps)?, ..self })
    }

    /// 1e-6 for the first distance, eps 1e-8, as `DoG` of the authors' package dog-optimizer.
    pub fn package() -> Self {
        Self::paper().with_eps(1e-8).expect(IN_RANGE)
    }

    /// 1e-6 for the first distance, no eps.
    pub fn paper() -> Self {
        Self::new(1e-6).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Preset::from_settings(settings)?;
        Self::new(settings.number("relative"))?.with_eps(settings.number("eps"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "dog",
    summary: "distance from the first point over the sum of squared updates",
    doc: "eta = max distance from w_0 / sqrt(sum of |u|^2 + eps), the distance at least relative (1 + |w_0|). Updates that \
          are all zero give the previous rate, counted. For convex losses, with gradient descent. \
          eps is that of the authors' package dog-optimizer, or with preset = \"paper\" 0. Source: Ivgi et al. 2023, arXiv 2302.12022.",
    settings: &[
        preset("whose eps: `package`, dog-optimizer's, or `paper`, none"),
        setting("relative", Kind::Number, Default::Is("1e-6"), "first distance, over 1 + |w_0|"),
        setting(
            "eps",
            Kind::Number,
            differs(&[("package", "1e-8"), ("paper", "0.0")]),
            "added to the sum of squares, 0 or more",
        ),
    ],
    build: |settings| Ok(Box::new(Dog::from_settings(settings)?)),
};

impl Tuner for Dog {
    fn needs(&self) -> Needs {
        Needs { first_point: true, ..Needs::default() }
    }

    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        if self.distance == 0.0 {
            self.distance = self.relative * (1.0 + line.parameter_norm()?);
        }
        self.distance = self.distance.max(line.distance()?.unwrap_or(0.0));
        self.squares += line.update_norm()?.powi(2);
        // Where every update was zero eps is no reason for a rate.
        let squares = if self.squares > 0.0 { self.squares + self.eps } else { 0.0 };
        Ok(quotient(self.distance, squares.sqrt(), line, &mut self.events))
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state().with_scalar("distance", self.distance).with_scalar("squares", self.squares)
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("dog");
        self.events = Events::read(&mut reader)?;
        self.distance = reader.scalar("distance")?;
        self.squares = reader.scalar("squares")?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/dog.rs"]
mod tests;
