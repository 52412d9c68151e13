use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use super::quadratic::quotient;
use crate::bounds::{IN_RANGE, POSITIVE};
use crate::{Error, Events, Line, Needs, Tuner};

/// Distance over gradients: `eta_t = r_t / sqrt(G_t)`, with r_t the largest distance from the first point so far, at
/// least `relative (1 + |w_0|)`, and G_t the sum of `|u_i|^2` over the steps up to this one.
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
        Ok(Self { relative, distance: 0.0, squares: 0.0, events: Events::default() })
    }

    /// 1e-6 for the first distance.
    pub fn paper() -> Self {
        Self::new(1e-6).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("relative"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "dog",
    summary: "distance from the first point over the sum of squared updates",
    doc: "eta = max distance from w_0 / sqrt(sum of |u|^2), the distance at least relative (1 + |w_0|). Updates that \
          are all zero give the previous rate, counted. For convex losses, with gradient descent. \
          Source: Ivgi et al. 2023, arXiv 2302.12022.",
    settings: &[setting("relative", Kind::Number, Default::Is("1e-6"), "first distance, over 1 + |w_0|")],
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
        Ok(quotient(self.distance, self.squares.sqrt(), line, &mut self.events))
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
