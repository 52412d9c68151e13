use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use super::quadratic::quotient;
use crate::bounds::{DECAY_RATE, IN_RANGE, POSITIVE, from_one};
use crate::{BatchLine, Error, Events, Line, Needs, Tuner};

/// `eta = sigma / b`, b the sharpness that mini-batches feel: `b = E[s . H_B s] / E[-g_B . s]` over batches B, with the gradient g_B and the
/// Hessian H_B of the batch and `s = -P^-1 g_B`, P the optimizer's preconditioner. Without one that is batch sharpness, `E[g_B . H_B g_B] / E|g_B|^2`.
///
/// Both means are exponential averages with decay `beta`, from zero, over the steps: each step adds one batch. In mini-batches that is the batch of the step. In a run
/// over all examples, or where batches are large, `parts` = p divides the step's batch into p equal parts, and each step takes the next one: mini-batches of a p-th of
/// the examples. With parts, the gradient of the part is computed beside that of the whole.
///
/// With the optimizer `gd`, one part and the same beta it is CDAT with averages, as then `s = u`. With momentum it looks at the gradient, CDAT at the update.
///
/// - Non-descent direction: not looked at; the step is taken.
/// - A negative mean curvature: its absolute value, counted.
/// - A vanishing one: the previous rate, or 0 at the first step, counted.
/// - A value that is not finite: the line's error ends the run.
///
/// Cost: a curvature a step; with parts a gradient and a curvature of a part.
///
/// Source: Andreyev, Beneventano 2024, arXiv 2412.20553, for batch sharpness, which settles near 2 / eta under stochastic gradient
/// descent; the rule, the averages and the form with a preconditioner are this project's own.
#[derive(Debug, Clone)]
pub struct BatchSharpness {
    sigma: f64,
    beta: f64,
    parts: usize,
    descent: f64,
    curvature: f64,
    events: Events,
}

/// Who is named in errors.
const OWNER: &str = "batch-sharpness";

impl BatchSharpness {
    /// With a positive `sigma` and averages of decay `beta`, in [0, 1).
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(sigma: f64, beta: f64) -> Result<Self, SettingError> {
        let (sigma, beta) = (POSITIVE.check(OWNER, "sigma", sigma)?, DECAY_RATE.check(OWNER, "beta", beta)?);
        Ok(Self { sigma, beta, parts: 1, descent: 0.0, curvature: 0.0, events: Events::default() })
    }

    /// With one of `parts` equal parts of the step's batch as the mini-batch, 1 or more.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn of_parts(self, parts: usize) -> Result<Self, SettingError> {
        from_one(OWNER, "parts", parts as u64)?;
        Ok(Self { parts, ..self })
    }

    /// Sigma 2, where stochastic gradient descent settles by itself; averages of decay 0.9.
    pub fn on_edge() -> Self {
        Self::new(2.0, 0.9).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Self::new(settings.number("sigma"), settings.number("beta"))?.of_parts(settings.count("parts")?)
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: OWNER,
    summary: "inverse of the sharpness that mini-batches feel along their own gradients",
    doc: "eta = sigma / b with b = E[s . H_B s] / E[-g_B . s] over mini-batches B, s = -g_B, or -P^-1 g_B where the optimizer has a preconditioner P. \
          Each step adds its own batch, or one of so many equal parts of it, to averages of both with decay beta. A negative mean \
          curvature counts by its size, a vanishing one gives the previous rate; both are counted. Where it is right: mini-batches; with parts, full batch, to \
          keep away from the edge that small batches feel. Cost: a curvature a step; with parts a gradient and a curvature of a part. Source: Andreyev, \
          Beneventano 2024, arXiv 2412.20553, for the measure; the rule is this project's own.",
    settings: &[
        setting("sigma", Kind::Number, Default::Is("2.0"), "scaling: 2 is where stochastic gradient descent settles"),
        setting("beta", Kind::Number, Default::Is("0.9"), "decay of both averages, in [0, 1)"),
        setting(
            "parts",
            Kind::Integer,
            Default::Is("1"),
            "mini-batches are one of so many equal parts of the step's batch",
        ),
    ],
    build: |settings| Ok(Box::new(BatchSharpness::from_settings(settings)?)),
};

impl Tuner for BatchSharpness {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let BatchLine { descent, curvature } = line.batch_line()?;
        self.descent = self.beta * self.descent + (1.0 - self.beta) * descent;
        self.curvature = self.beta * self.curvature + (1.0 - self.beta) * curvature;
        self.events.negative_curvature += u64::from(self.curvature < 0.0);
        Ok(quotient(self.sigma * self.descent, self.curvature.abs(), line, &mut self.events))
    }

    fn needs(&self) -> Needs {
        Needs { parts: (self.parts > 1).then_some(self.parts), ..Needs::default() }
    }

    fn expects_curvature(&self, _: u64) -> bool {
        true
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state().with_scalar("descent", self.descent).with_scalar("curvature", self.curvature)
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader(OWNER);
        self.events = Events::read(&mut reader)?;
        self.descent = reader.scalar("descent")?;
        self.curvature = reader.scalar("curvature")?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/batch_sharpness.rs"]
mod tests;
