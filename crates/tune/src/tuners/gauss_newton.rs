use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use super::quadratic::{cut, numerator, quotient};
use crate::bounds::{CAP, DECAY_RATE, IN_RANGE, POSITIVE, from_one};
use crate::{Error, Events, Line, Tuner};

/// CDAT with the curvature of the Gauss-Newton matrix: `eta = sigma n / d` with `n = max(-g.u, 0)` and `d = |u.Gu|`, each replaced by
/// its exponential average `beta nbar + (1 - beta) n` from zero.
///
/// `H = G + R` with `G = J' B J`: J the derivative of the model's outputs, B the Hessian of the loss by them. For a loss that is convex
/// in the outputs `u.Gu` is never negative, and `u.Gu >= u.Hu` wherever the residual part R curves downwards along u. Sigma means what
/// it means in [`Cdat`](super::Cdat), of the model `f + eta g.u + eta^2 u.Gu / 2`: 1 is its minimum, 2 its edge.
///
/// With `every` = k it is measured at steps 0, k, 2k and so on, and estimated in between as in [`Cdat`](super::Cdat).
///
/// - Non-descent direction: n = 0, counted.
/// - Negative curvature, of a loss that is not convex in the outputs: its absolute value, counted.
/// - Vanishing d, as where the model fits all examples and B is zero: the previous rate, or 0 at the first step, counted.
/// - A rate above the cap: the cap, counted.
/// - An objective that knows of no outputs, as a loss given as a closure: the line's error ends the run.
///
/// Cost: a product with G for each measurement, some 5 evaluations of the loss where `u.Hu` costs about 3.
///
/// Source: Schraudolph 2002, Neural Comput. 14, for the product; the rule is that of Roulet et al. 2024, arXiv 2407.06183, equation 6.
/// Differs from the paper: G in the place of H.
#[derive(Debug, Clone)]
pub struct GaussNewton {
    sigma: f64,
    beta: f64,
    cap: f64,
    every: u64,
    numerator: f64,
    denominator: f64,
    /// Averages of `|u.Gu|` and `|u|^2` over the steps that measured.
    curvature: f64,
    square: f64,
    events: Events,
}

/// Who is named in errors.
const OWNER: &str = "gauss-newton";

impl GaussNewton {
    /// With a positive `sigma`, `beta` in [0, 1) and a `cap` on the rate (infinite for none).
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(sigma: f64, beta: f64, cap: f64) -> Result<Self, SettingError> {
        let sigma = POSITIVE.check(OWNER, "sigma", sigma)?;
        let (beta, cap) = (DECAY_RATE.check(OWNER, "beta", beta)?, CAP.check(OWNER, "cap", cap)?);
        let (numerator, denominator, curvature, square, every) = (0.0, 0.0, 0.0, 0.0, 1);
        Ok(Self { sigma, beta, cap, every, numerator, denominator, curvature, square, events: Events::default() })
    }

    /// Sigma 2, no averaging, no cap: as the paper's rule with H.
    pub fn on_edge() -> Self {
        Self::new(2.0, 0.0, f64::INFINITY).expect(IN_RANGE)
    }

    /// With the curvature measured every `every` steps, at least 1.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn measuring_every(self, every: u64) -> Result<Self, SettingError> {
        Ok(Self { every: from_one(OWNER, "every", every)?, ..self })
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let [sigma, beta, cap] = ["sigma", "beta", "cap"].map(|key| settings.number(key));
        Self::new(sigma, beta, cap)?.measuring_every(settings.count("every")? as u64)
    }

    /// `|u.Gu|`, measured or estimated.
    fn denominator(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let square = line.update_norm()?.powi(2);
        if !line.step().is_multiple_of(self.every) && self.square > 0.0 {
            return Ok(square * (self.curvature / self.square));
        }
        let measured = line.gauss_newton_curvature()?;
        self.events.negative_curvature += u64::from(measured < 0.0);
        self.curvature = self.beta * self.curvature + (1.0 - self.beta) * measured.abs();
        self.square = self.beta * self.square + (1.0 - self.beta) * square;
        Ok(measured.abs())
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: OWNER,
    summary: "cdat with the curvature of the Gauss-Newton matrix",
    doc: "eta = sigma n / d, n = max(-g.u, 0), d = |u.Gu|, each averaged with decay beta where asked. G = J' B J is the part of the Hessian that \
          the outputs' derivatives J make with B, the Hessian of the loss by the outputs: never negative where that loss is convex. A non-descent direction \
          gives n = 0, a vanishing d the previous rate; both are counted. Where it is right: where u.Hu is often negative, and to compare. \
          It needs a model and loss of the library, or outputs given beside the loss. Cost: a product with G, some 5 evaluations of the \
          loss, at every step or every so many. Source: Schraudolph 2002; Roulet et al. 2024, arXiv 2407.06183, for the rule.",
    settings: &[
        setting("sigma", Kind::Number, Default::Is("2.0"), "scaling: 1 greedy, 2 on edge"),
        setting("beta", Kind::Number, Default::Is("0.0"), "decay of the averages, in [0, 1)"),
        setting("cap", Kind::Number, Default::Is("inf"), "largest rate; inf for none"),
        setting("every", Kind::Integer, Default::Is("1"), "steps between measurements of u.Gu"),
    ],
    build: |settings| Ok(Box::new(GaussNewton::from_settings(settings)?)),
};

impl Tuner for GaussNewton {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let numerator = numerator(line, &mut self.events)?;
        let denominator = self.denominator(line)?;
        self.numerator = self.beta * self.numerator + (1.0 - self.beta) * numerator;
        self.denominator = self.beta * self.denominator + (1.0 - self.beta) * denominator;
        let rate = quotient(self.sigma * self.numerator, self.denominator, line, &mut self.events);
        Ok(cut(rate, self.cap, &mut self.events))
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        let state = self.events.state().with_scalar("numerator", self.numerator);
        let state = state.with_scalar("denominator", self.denominator);
        state.with_scalar("curvature", self.curvature).with_scalar("square", self.square)
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader(OWNER);
        self.events = Events::read(&mut reader)?;
        self.numerator = reader.scalar("numerator")?;
        self.denominator = reader.scalar("denominator")?;
        self.curvature = reader.scalar("curvature")?;
        self.square = reader.scalar("square")?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/gauss_newton.rs"]
mod tests;
