use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use super::quadratic::{cut, quotient};
use crate::bounds::{Bounds, CAP, IN_RANGE};
use crate::{Error, Events, Line, Tuner};

/// Polyak's rate, `eta = min((f - fstar) / |g|^2, cap)`.
///
/// The formula is that for `u = -g`; with another optimizer it is used as it stands.
///
/// - Non-descent direction, negative curvature: not looked at.
/// - Loss under `fstar`: rate 0, counted as below the floor.
/// - Vanishing gradient: the previous rate, or 0 at the first step, counted.
/// - A rate above the cap: the cap, counted.
/// - Loss or gradient not finite: the step's error ends the run before the tuner is asked.
///
/// Source: Polyak 1987; Roulet et al. 2024, arXiv 2407.06183, figure 13.
#[derive(Debug, Clone)]
pub struct Polyak {
    fstar: f64,
    cap: f64,
    events: Events,
}

/// A loss.
const FINITE: Bounds = Bounds::new("a finite number", f64::is_finite);

impl Polyak {
    /// With the smallest loss `fstar` and a positive `cap`, infinite for none.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(fstar: f64, cap: f64) -> Result<Self, SettingError> {
        let (fstar, cap) = (FINITE.check("polyak", "fstar", fstar)?, CAP.check("polyak", "cap", cap)?);
        Ok(Self { fstar, cap, events: Events::default() })
    }

    /// Smallest loss 0, cap 1; the paper also has 100.
    pub fn paper() -> Self {
        Self::new(0.0, 1.0).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("fstar"), settings.number("cap"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "polyak",
    summary: "Polyak's rate, from the smallest loss possible",
    doc: "eta = min((f - fstar) / |g|^2, cap). A loss under fstar gives rate 0, a vanishing gradient the previous \
          rate; both are counted, and so is the cap. For problems whose smallest loss is known. \
          Source: Polyak 1987; Roulet et al. 2024, arXiv 2407.06183, \
          figure 13.",
    settings: &[
        setting("fstar", Kind::Number, Default::Is("0.0"), "the smallest loss possible"),
        setting("cap", Kind::Number, Default::Is("1.0"), "largest rate"),
    ],
    build: |settings| Ok(Box::new(Polyak::from_settings(settings)?)),
};

impl Tuner for Polyak {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let excess = line.loss() - self.fstar;
        if excess < 0.0 {
            self.events.below_floor += 1;
            return Ok(0.0);
        }
        let square = line.gradient_norm()?.powi(2);
        let rate = quotient(excess, square, line, &mut self.events);
        Ok(cut(rate, self.cap, &mut self.events))
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("polyak");
        self.events = Events::read(&mut reader)?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/polyak.rs"]
mod tests;
