use onedge_objective::State;
use onedge_registry::{Entry, Error as SettingError};

use super::make::Make;
use super::parts::{PARTS, Parts};
use super::quadratic::{denominator, numerator, quotient};
use crate::{Error, Events, Line, Needs, Tuner};

/// The minimiser of the quadratic model along u, `eta = -g.u / u.Hu` ("quadratically greedy").
///
/// - Non-descent direction: rate 0, counted.
/// - Negative curvature, where the model has no minimiser: falls back to `|u.Hu|`, counted.
/// - Vanishing curvature: the previous rate, or 0 at the first step, counted.
/// - Slope or curvature not finite: the line's error ends the run.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, section 2. Differs from the paper: the fall-backs, which it does not
/// state for this rule; they are those of CDAT with sigma = 1.
#[derive(Debug, Clone)]
pub struct Greedy {
    parts: Parts,
    events: Events,
}

impl Greedy {
    /// With the curvature of the whole batch.
    pub fn paper() -> Self {
        Self { parts: Parts::ONE, events: Events::default() }
    }

    /// With that of one of `parts` equal parts of the batch, 1 or more; what that means is told at [`Cdat`](super::Cdat).
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn measuring_parts(self, parts: usize) -> Result<Self, SettingError> {
        Ok(Self { parts: Parts::new("greedy", parts)?, ..self })
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "greedy",
    summary: "minimiser of the quadratic model along the update",
    doc: "eta = max(-g.u, 0) / |u.Hu|. A non-descent direction gives rate 0, a negative curvature its absolute value, \
          a vanishing one the previous rate; all are counted. The curvature may be that of a part of the batch, as told at \
          cdat. Source: Roulet et al. 2024, arXiv 2407.06183, section 2.",
    settings: &[PARTS],
    build: |settings| Ok(Box::new(Greedy { parts: Parts::from_settings("greedy", settings)?, ..Greedy::paper() })),
};

impl Tuner for Greedy {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let numerator = numerator(line, &mut self.events)?;
        let denominator = denominator(self.parts, line, &mut self.events)?;
        Ok(quotient(numerator, denominator, line, &mut self.events))
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
        let mut reader = state.reader("greedy");
        self.events = Events::read(&mut reader)?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/greedy.rs"]
mod tests;
