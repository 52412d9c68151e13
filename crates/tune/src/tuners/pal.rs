use onedge_objective::State;
use onedge_registry::{Entry, Error as SettingError, Kind, Settings, setting};

use super::linesearch::resumed;
use super::make::Make;
use super::quadratic::cut;
use crate::bounds::{CAP, IN_RANGE, POSITIVE};
use crate::preset::{Preset, differs, preset};
use crate::{Error, Events, Line, Needs, Tuner};

/// Parabolic approximation linesearch: the minimum of the parabola along the update through the loss and slope here and
/// the loss at the distance `measure`.
///
/// With `b = g.u / |u|` and `a = (f(w + measure u / |u|) - f(w) - b measure) / measure^2` the step has the length
/// `min(-adapt b / (2 a), cap)`, so `eta` is that over `|u|`.
///
/// - Non-descent direction: counted. In full batch an optimizer with momentum forgets the directions before
///   ([`Optimizer::restart`](crate::Optimizer::restart)); where that does not help, and in mini-batches, rate 0.
/// - Negative curvature, `a <= 0`: a step of the length `measure`, counted.
/// - A trial value that is not finite: half the distance is tried, up to 20 times, each counted; then rate 0, counted as
///   given up. In full batch the next step goes on with the halves where this one ended.
/// - A step longer than the cap: the cap, counted.
/// - Slope not finite: the line's error ends the run.
///
/// The curvature a step is seen over is that of the distance `measure`, where CDAT sees that at a point.
///
/// Cost: one loss.
///
/// Source: Mutschler and Zell 2020, arXiv 1903.11991, algorithm 1; the constants lie in the ranges that the authors
/// give. Differs from the paper: its conjugate direction is left to the optimizer, where it is momentum; it does not say
/// what to do where the trial is not finite.
#[derive(Debug, Clone)]
pub struct Pal {
    measure: f64,
    adapt: f64,
    cap: f64,
    /// The distance at which the search before ran out of tries, if the next one goes on there.
    ended: Option<f64>,
    events: Events,
}

const TRIES: u64 = 20;

impl Pal {
    /// With the distance `measure` of the second point, the factor `adapt` on the step, and a `cap` on its length.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(measure: f64, adapt: f64, cap: f64) -> Result<Self, SettingError> {
        let measure = POSITIVE.check("pal", "measure", measure)?;
        let (adapt, cap) = (POSITIVE.check("pal", "adapt", adapt)?, CAP.check("pal", "cap", cap)?);
        Ok(Self { measure, adapt, cap, ended: None, events: Events::default() })
    }

    /// Distance 1, steps longer by 1 / 0.6, at most 3.16, as the authors' `PalOptimizer` for PyTorch. Its direction is that of
    /// [`Momentum`](crate::optimizers::Momentum) with 0.4.
    pub fn package() -> Self {
        Self::new(1.0, 1.0 / 0.6, 3.16).expect(IN_RANGE)
    }

    /// Distance 0.1, no adaptation, steps of at most 3.6.
    pub fn paper() -> Self {
        Self::new(0.1, 1.0, 3.6).expect(IN_RANGE)
    }

    /// The distance of the second point and the loss there, if there is a finite one.
    fn second_point(&mut self, line: &mut dyn Line, norm: f64) -> Result<Option<(f64, f64)>, Error> {
        let mut measure = self.ended.take().unwrap_or(self.measure);
        for _ in 0..TRIES {
            let value = line.value(measure / norm)?;
            if value.is_finite() {
                return Ok(Some((measure, value)));
            }
            self.events.non_finite += 1;
            measure /= 2.0;
        }
        self.ended = resumed(line, measure);
        Ok(None)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        // It has no formula of its own, only defaults.
        Preset::from_settings(settings)?;
        Self::new(settings.number("measure"), settings.number("adapt"), settings.number("cap"))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "pal",
    summary: "minimum of a parabola through two losses and a slope",
    doc: "With b = g.u/|u| and a from the loss at the distance measure, a step of length min(-adapt b / (2 a), cap), \
          of length measure where a <= 0. Where b >= 0, momentum and Adam start anew from this gradient in full batch; in \
          mini-batches, and for other optimizers, there is no step. Half the distance, up to 20 times, where the loss there is \
          not finite; all are counted. For mini-batches, with gradient descent. \
          The preset `package` has the defaults of the authors' PalOptimizer for PyTorch, which goes along momentum with 0.4; `paper` \
          those within the ranges that the paper gives. \
          Source: Mutschler and Zell 2020, arXiv 1903.11991.",
    settings: &[
        preset("whose defaults: `package`, those of the authors' code, or `paper`"),
        setting(
            "measure",
            Kind::Number,
            differs(&[("package", "1.0"), ("paper", "0.1")]),
            "distance of the second point",
        ),
        setting(
            "adapt",
            Kind::Number,
            differs(&[("package", "1.6666666666666667"), ("paper", "1.0")]),
            "factor on the step",
        ),
        setting("cap", Kind::Number, differs(&[("package", "3.16"), ("paper", "3.6")]), "longest step"),
    ],
    build: |settings| Ok(Box::new(Pal::from_settings(settings)?)),
};

impl Tuner for Pal {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let (slope, norm) = (line.slope()?, line.update_norm()?);
        self.events.non_descent += u64::from(slope >= 0.0 || line.restarted());
        if slope >= 0.0 {
            return Ok(0.0);
        }
        let Some((measure, value)) = self.second_point(line, norm)? else {
            self.events.gave_up += 1;
            return Ok(0.0);
        };
        let b = slope / norm;
        let a = (value - line.loss() - b * measure) / (measure * measure);
        let length = if a > 0.0 {
            -self.adapt * b / (2.0 * a)
        } else {
            self.events.negative_curvature += 1;
            measure
        };
        Ok(cut(length, self.cap, &mut self.events) / norm)
    }

    fn needs(&self) -> Needs {
        Needs { descent: true, ..Needs::default() }
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.ended.iter().fold(self.events.state(), |state, ended| state.with_scalar("ended", *ended))
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("pal");
        self.events = Events::read(&mut reader)?;
        self.ended = reader.optional_scalar("ended");
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/pal.rs"]
mod tests;
