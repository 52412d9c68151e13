use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use crate::bounds::{Bounds, RATE};
use crate::{Error, Events, Line, Tuner};

/// Multiplicative hypergradient descent: `eta_t = eta_(t-1) (1 - beta cos(g_t, u_(t-1)))`.
///
/// The rate grows while the last update still points downhill, and shrinks once it overshot.
///
/// - Non-descent direction, negative curvature: not looked at.
/// - A zero gradient or update: the cosine is 0 and the rate stays.
/// - With beta = 1 and an update that ended exactly opposed to the slope, the rate is 0 and stays 0 for ever.
/// - Gradient not finite: the step's error ends the run before the tuner is asked.
///
/// Source: Baydin et al. 2018, arXiv 1703.04782; Roulet et al. 2024, arXiv 2407.06183, figure 13.
#[derive(Debug, Clone)]
pub struct Hypergradient {
    rate: f64,
    beta: f64,
    events: Events,
}

/// A step size of the rate.
const BETA: Bounds = Bounds::new("a number in [0, 1]", |x| (0.0..=1.0).contains(&x));

impl Hypergradient {
    /// From the first rate `rate`, with step size `beta` in [0, 1].
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(rate: f64, beta: f64) -> Result<Self, SettingError> {
        let (rate, beta) = (RATE.check("hypergradient", "rate", rate)?, BETA.check("hypergradient", "beta", beta)?);
        Ok(Self { rate, beta, events: Events::default() })
    }

    /// Step size 1e-2, inside the paper's grid 1e-3 to 1, from the first rate `rate`.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn paper(rate: f64) -> Result<Self, SettingError> {
        Self::new(rate, 1e-2)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("rate"), settings.number("beta"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "hypergradient",
    summary: "multiplicative hypergradient descent on the rate",
    doc: "eta_t = eta_(t-1) (1 - beta cos(g_t, u_(t-1))). Source: Baydin et al. 2018, arXiv 1703.04782; Roulet et al. \
          2024, arXiv 2407.06183, figure 13.",
    settings: &[
        setting("rate", Kind::Number, Default::Required, "the first rate"),
        setting("beta", Kind::Number, Default::Is("0.01"), "step size of the rate, in [0, 1]"),
    ],
    build: |settings| Ok(Box::new(Hypergradient::from_settings(settings)?)),
};

impl Tuner for Hypergradient {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let (Some(previous), Some(cosine)) = (line.previous_learning_rate(), line.previous_cosine()) else {
            return Ok(self.rate);
        };
        // Rounding may carry the cosine a little past 1.
        Ok(previous * (1.0 - self.beta * cosine.clamp(-1.0, 1.0)))
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("hypergradient");
        self.events = Events::read(&mut reader)?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/hypergradient.rs"]
mod tests;
