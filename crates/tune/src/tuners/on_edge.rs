use onedge_objective::State;
use onedge_registry::{Entry, Error as SettingError};

use super::make::Make;
use super::parts::{PARTS, Parts};
use super::quadratic::{denominator, numerator, quotient};
use crate::{Error, Events, Line, Needs, Tuner};

/// The largest rate at which the quadratic model along u does not exceed the loss, `eta = -2 g.u / u.Hu` ("on edge").
///
/// - Non-descent direction: rate 0, counted.
/// - Negative curvature, where there is no such rate: falls back to `|u.Hu|`, counted.
/// - Vanishing curvature: the previous rate, or 0 at the first step, counted.
/// - Slope or curvature not finite: the line's error ends the run.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, section 4. It is CDAT with sigma = 2, eps = 0 and no averaging.
#[derive(Debug, Clone)]
pub struct OnEdge {
    parts: Parts,
    events: Events,
}

impl OnEdge {
    /// With the curvature of the whole batch.
    pub fn paper() -> Self {
        Self { parts: Parts::ONE, events: Events::default() }
    }

    /// With that of one of `parts` equal parts of the batch, 1 or more; what that means is told at [`Cdat`](super::Cdat).
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn measuring_parts(self, parts: usize) -> Result<Self, SettingError> {
        Ok(Self { parts: Parts::new("on-edge", parts)?, ..self })
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "on-edge",
    summary: "largest rate at which the quadratic model does not rise",
    doc: "eta = 2 max(-g.u, 0) / |u.Hu|. A non-descent direction gives rate 0, a negative curvature its absolute \
          value, a vanishing one the previous rate; all are counted. The curvature may be that of a part of the batch, as told at \
          cdat. Source: Roulet et al. 2024, arXiv 2407.06183, \
          section 4.",
    settings: &[PARTS],
    build: |settings| Ok(Box::new(OnEdge { parts: Parts::from_settings("on-edge", settings)?, ..OnEdge::paper() })),
};

impl Tuner for OnEdge {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let numerator = numerator(line, &mut self.events)?;
        let denominator = denominator(self.parts, line, &mut self.events)?;
        Ok(quotient(2.0 * numerator, denominator, line, &mut self.events))
    }

    fn needs(&self) -> Needs {
        self.parts.needs()
    }

    fn expects_curvature(&self, _: u64) -> bool {
        true
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("on-edge");
        self.events = Events::read(&mut reader)?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/on_edge.rs"]
mod tests;
