use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, Value, setting};

use super::make::Make;
use super::quadratic::within;
use crate::bounds::{CAP, FROM_ZERO, IN_RANGE, RATE, refused};
use crate::{Error, Events, Line, Needs, Tuner};

/// Barzilai and Borwein's rates, the inverse of the mean curvature over the last step: with s and y the changes of
/// parameters and gradient, `eta = s.s / s.y` (long) or `eta = s.y / y.y` (short), kept in [floor, cap].
///
/// On a quadratic both lie between the inverses of the largest and the smallest eigenvalue, and the long rate is never
/// the smaller one. The loss need not fall at every step.
///
/// - First step: the rate `rate`.
/// - Non-descent direction: not looked at.
/// - Negative curvature over the step, `s.y < 0`: the previous rate, counted.
/// - `s.y = 0`, so that no rate is known (no step, or no change of the gradient along it): the previous rate, counted
///   as a vanishing denominator.
/// - In both cases `rate` where the previous one was at the floor: from steps that are lost in rounding nothing is learned
///   of the curvature, so it would stay there for ever.
/// - A rate under the floor or above the cap: floor or cap, counted.
/// - Gradient not finite: the step's error ends the run before the tuner is asked.
///
/// The rates are those for `u = -g`; with another optimizer s is its step and the rates are used as they stand. In
/// mini-batches y holds the difference of two batches too, see [`Change`](crate::Change).
///
/// Cost: two dot products, and the previous gradient is kept.
///
/// Source: Barzilai and Borwein 1988, equations 5 and 6; the bounds as in Raydan 1997, who resets the rate at negative
/// curvature and out of its bounds. Differs from the paper: it has no safeguard at all.
#[derive(Debug, Clone)]
pub struct BarzilaiBorwein {
    rate: f64,
    variant: Variant,
    floor: f64,
    cap: f64,
    events: Events,
}

/// Which of the two rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// `s.s / s.y`
    Long,
    /// `s.y / y.y`
    Short,
}

impl BarzilaiBorwein {
    /// With the first rate `rate`, and the rates after it between `floor` and `cap`.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(rate: f64, variant: Variant, floor: f64, cap: f64) -> Result<Self, SettingError> {
        let owner = "barzilai-borwein";
        let (rate, floor) = (RATE.check(owner, "rate", rate)?, FROM_ZERO.check(owner, "floor", floor)?);
        if CAP.check(owner, "cap", cap)? < floor {
            return Err(refused(owner, "cap", "the floor or more", Value::Number(cap)));
        }
        Ok(Self { rate, variant, floor, cap, events: Events::default() })
    }

    /// The long rate, from 1e-3, between 1e-10 and 1e10.
    pub fn paper() -> Self {
        Self::new(1e-3, Variant::Long, 1e-10, 1e10).expect(IN_RANGE)
    }

    /// The rate where none is measured.
    fn held(&self, previous: f64) -> f64 {
        if previous > self.floor { previous } else { self.rate }
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let variant = match settings.text("variant") {
            "long" => Variant::Long,
            "short" => Variant::Short,
            _ => return Err(settings.out_of_range("variant", "long or short")),
        };
        Self::new(settings.number("rate"), variant, settings.number("floor"), settings.number("cap"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "barzilai-borwein",
    summary: "inverse of the curvature over the last step",
    doc: "eta = s.s / s.y (long) or s.y / y.y (short), s and y the changes of parameters and gradient over the last \
          step, kept in [floor, cap]. Negative or vanishing s.y gives the previous rate, or the first one from the floor, counted. For the \
          full batch. Source: Barzilai and Borwein 1988, equations 5 and 6; Raydan 1997.",
    settings: &[
        setting("rate", Kind::Number, Default::Is("1e-3"), "the first rate"),
        setting("variant", Kind::Text, Default::Is("long"), "long (s.s / s.y) or short (s.y / y.y)"),
        setting("floor", Kind::Number, Default::Is("1e-10"), "smallest rate"),
        setting("cap", Kind::Number, Default::Is("1e10"), "largest rate"),
    ],
    build: |settings| Ok(Box::new(BarzilaiBorwein::from_settings(settings)?)),
};

impl Tuner for BarzilaiBorwein {
    fn needs(&self) -> Needs {
        Needs { previous_gradient: true, ..Needs::default() }
    }

    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let (Some(previous), Some(change)) = (line.previous_learning_rate(), line.change()?) else {
            return Ok(self.rate);
        };
        if change.product < 0.0 {
            self.events.negative_curvature += 1;
            return Ok(self.held(previous));
        }
        let rate = match self.variant {
            Variant::Long => change.step_square / change.product,
            Variant::Short => change.product / change.gradient_square,
        };
        if change.product == 0.0 || !rate.is_finite() {
            self.events.vanishing_denominator += 1;
            return Ok(self.held(previous));
        }
        Ok(within(rate, self.floor, self.cap, &mut self.events))
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("barzilai-borwein");
        self.events = Events::read(&mut reader)?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/barzilai_borwein.rs"]
mod tests;
