use std::collections::BTreeMap;

use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, Value, setting};

use super::amortised::{Amortised, Of};
use super::guarded::Guarded;
use super::make::Make;
use super::parts::{PARTS, Parts};
use super::quadratic::{cut, denominator, numerator, quotient};
use super::sigma::{self, Sigma};
use crate::bounds::{CAP, DECAY_RATE, FROM_ZERO, IN_RANGE, from_one};
use crate::{Conditions, Error, Events, Line, Needs, Tuner};

/// Curvature dynamics aware tuning, the paper's rule: `eta = sigma n / d` with `n = max(-g.u, 0)` and `d = |u.Hu| + eps`, each replaced
/// by its exponential average `beta nbar + (1 - beta) n` from zero.
///
/// Both averages start at zero, so the bias cancels in the ratio. Sigma 1 is greedy, 2 on edge; around 2 works best in
/// full batch. Averages serve Adam, and mini-batches. Sigma may rise or fall along the run, and follow batch size and
/// momentum: see [`Sigma`].
///
/// **Curvature every k steps.** With `every` = k the curvature is measured at steps 0, k, 2k and so on, and before any
/// was non-zero. In between `|u.Hu|` is estimated as `|u|^2 C / U`: C and U are averages with decay beta, from zero, of
/// `|u.Hu|` and `|u|^2` over the steps that measured, so `C / U` is the curvature along a unit vector, as it was last
/// known. Slope and `|u|` are always those of this step, and n and d are averaged at every step, whether d was measured
/// or estimated. With k = 1 nothing is estimated. Measured alone, a step costs C.curvature / k more than its gradient.
///
/// **Curvature where it must be measured** (`curvature = "auto"`, [`amortised`](Self::amortised)). In between it is predicted, with a learned error:
/// along unit vectors from steps of the same parity, as rates at the edge alternate, or from an average; it is measured where the expected error of
/// the rate is above `error`, at least once in 16 steps and once in 32 of a parity, and where the change of the gradient over the step before shows that
/// something has changed. With `curvature_parts` it is measured on a part of the batch where that leaves the rate within `error` too. Everything else is as it
/// was. Predictions are counted as `predicted`.
///
/// **Curvature of a part of the batch.** With `curvature_parts` = p it is measured on one of p equal parts, each in its turn, for
/// C.curvature / p. The slope is always that of the whole batch: it is known anyway, and that of a part strays far more, as
/// the slopes of examples cancel in the mean, the more so the further a run is, and their curvatures do not. As `1 / d` is larger in
/// the mean than `1 / mean d`, rates are larger, by about the square of the relative deviation of d. Parts are consecutive, so
/// where there are no mini-batches the examples should lie in random order (a run of a spec sees to it).
///
/// - Non-descent direction: n = 0, counted; so the rate is 0 without averaging, and falls with it.
/// - Negative curvature: its absolute value, counted.
/// - Vanishing d: the previous rate, or 0 at the first step, counted.
/// - A rate above the cap: the cap, counted.
/// - Slope or curvature not finite: the line's error ends the run.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, equations 6 to 8. Differs from the paper: the cap, the schedule of
/// sigma, `every`, `curvature_parts` and `auto`, all off by default.
///
/// # Example
/// Five steps on a loss given as a closure, each with the rate that slope and curvature say:
/// ```
/// use onedge_objective::FnObjective;
/// use onedge_spectrum::Lanczos;
/// use onedge_tune::{Trainer, optimizers::Gd, tuners::Cdat};
///
/// let mut bowl = FnObjective::of_loss(2, |w| 2.0 * w[0] * w[0] + 0.5 * w[1] * w[1])?;
/// let (optimizer, tuner) = (Box::new(Gd::paper()), Box::new(Cdat::paper()));
/// let mut trainer = Trainer::<f64>::new(2, optimizer, tuner, Lanczos::top(1, 0))?;
/// let mut w = [1.0, -1.0];
/// let losses: Vec<f64> = (0..5).map(|_| trainer.step(&mut bowl, &mut w).map(|step| step.loss)).collect::<Result<_, _>>()?;
/// assert!(losses[4] < losses[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cdat {
    sigma: Sigma,
    eps: f64,
    beta: f64,
    cap: f64,
    every: u64,
    parts: Parts,
    amortised: Option<Amortised>,
    numerator: f64,
    denominator: f64,
    /// Averages of `|u.Hu|` and `|u|^2` over the steps that measured.
    curvature: f64,
    square: f64,
    events: Events,
}

impl Cdat {
    /// With a positive `sigma`, `eps` 0 or more, `beta` in [0, 1) and a `cap` on the rate (infinite for none).
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(sigma: f64, eps: f64, beta: f64, cap: f64) -> Result<Self, SettingError> {
        let (eps, beta) = (FROM_ZERO.check("cdat", "eps", eps)?, DECAY_RATE.check("cdat", "beta", beta)?);
        let (sigma, cap) = (Sigma::constant(sigma)?, CAP.check("cdat", "cap", cap)?);
        let (every, parts, events) = (1, Parts::ONE, Events::default());
        let (numerator, denominator, curvature, square) = (0.0, 0.0, 0.0, 0.0);
        let amortised = None;
        Ok(Self { sigma, eps, beta, cap, every, parts, amortised, numerator, denominator, curvature, square, events })
    }

    /// With this sigma instead.
    pub fn with_sigma(self, sigma: Sigma) -> Self {
        Self { sigma, ..self }
    }

    /// With the curvature measured every `every` steps, at least 1.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn measuring_every(self, every: u64) -> Result<Self, SettingError> {
        Ok(Self { every: from_one("cdat", "every", every)?, ..self })
    }

    /// With the curvature measured only where what is predicted would put the rate off by more than the share `error`, 0 to 1.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn amortised(self, error: f64) -> Result<Self, SettingError> {
        Ok(Self { amortised: Some(Amortised::new(error, self.beta)?), ..self })
    }

    /// With the curvature of one of `parts` equal parts of the batch, 1 or more.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn measuring_parts(self, parts: usize) -> Result<Self, SettingError> {
        Ok(Self { parts: Parts::new("cdat", parts)?, ..self })
    }

    /// Sigma 2, eps 0, no averaging, no cap.
    pub fn paper() -> Self {
        Self::new(2.0, 0.0, 0.0, f64::INFINITY).expect(IN_RANGE)
    }

    /// The same with averages of decay 0.9, as the paper uses with Adam.
    pub fn paper_ema() -> Self {
        Self::new(2.0, 0.0, 0.9, f64::INFINITY).expect(IN_RANGE)
    }

    /// The rule that is recommended where nothing else is asked for: see [`Guarded`].
    pub fn recommended() -> Guarded {
        Guarded::recommended()
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        if let Some(key) = ["growth", "cooldown"].into_iter().find(|key| settings.optional_number(key).is_some()) {
            return Err(settings.out_of_range(key, "nothing with `preset = \"paper\"`, which has no such setting"));
        }
        let number = |key, paper| settings.optional_number(key).unwrap_or(paper);
        let sigma = number("sigma", 2.0);
        let cdat = Self::new(sigma, number("eps", 0.0), number("beta", 0.0), number("cap", f64::INFINITY))?;
        let parts = Parts::from_settings("cdat", settings)?;
        let every = settings.optional_count("every")?.map(|every| every as u64);
        let cdat = cdat.with_sigma(Sigma::from_settings(settings, sigma)?).measuring_every(every.unwrap_or(1))?;
        let cdat = Self { parts, ..cdat };
        let error = settings.optional_number("error");
        match settings.optional_text("curvature").unwrap_or(MEASURED) {
            AUTO if every.is_some_and(|every| every > 1) => {
                Err(settings
                    .out_of_range("every", "nothing beside `curvature = \"auto\"`, which finds the steps itself"))
            }
            AUTO => cdat.amortised(error.unwrap_or(ERROR)),
            MEASURED if error.is_some() => {
                Err(settings.out_of_range("error", "nothing without `curvature = \"auto\"`, whose error it is"))
            }
            MEASURED => Ok(cdat),
            _ => Err(settings.out_of_range("curvature", "`measured` or `auto`")),
        }
    }

    /// `|u.Hu| + eps`, measured or estimated.
    fn denominator(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        if let Some(amortised) = &mut self.amortised {
            let (parts, events) = (self.parts, &mut self.events);
            let measure = |line: &mut dyn Line, of: Of| match of {
                Of::Batch => denominator(Parts::ONE, line, events),
                Of::Part => denominator(parts, line, events),
            };
            let (curvature, predicted) = amortised.curvature(line, parts.are_several(), measure)?;
            self.events.predicted += u64::from(predicted);
            return Ok(curvature + self.eps);
        }
        if self.every == 1 {
            return Ok(denominator(self.parts, line, &mut self.events)? + self.eps);
        }
        let square = line.update_norm()?.powi(2);
        if !line.step().is_multiple_of(self.every) && self.square > 0.0 {
            return Ok(square * (self.curvature / self.square) + self.eps);
        }
        let curvature = denominator(self.parts, line, &mut self.events)?;
        self.curvature = self.beta * self.curvature + (1.0 - self.beta) * curvature;
        self.square = self.beta * self.square + (1.0 - self.beta) * square;
        Ok(curvature + self.eps)
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "cdat",
    summary: "curvature dynamics aware tuning, on the edge of stability",
    doc: "eta = sigma n / d, n = max(-g.u, 0), d = |u.Hu| + eps. `preset = recommended`, what you get without asking, is \
          made to be left on: slope and curvature are averaged along unit vectors, the curvature is measured every so many \
          steps, sigma follows the optimizer's momentum and the batch and comes down at the end, and safeguards hold the first step, the growth \
          of a step, and a loss that rises; `docs/DEFAULT.md` has each with its evidence. `preset = paper` is the paper's \
          rule to the bit: n and d of this step, each averaged with decay beta where asked. With both a \
          non-descent direction, a negative curvature (its absolute value is taken) and a vanishing d are counted. \
          Sigma may go from sigma_start to sigma in sigma_steps; with batch and noise it is taken times batch / (batch + (1 - \
          momentum) noise). With curvature_parts u.Hu is that of a part of the batch, each in its turn, for that part \
          of its cost. Where it is right: everywhere, with any optimizer but those that find their own rate (d-adapt, \
          prodigy, mechanic, schedule-free), which take `constant` with rate 1. Source: Roulet et al. 2024, arXiv 2407.06183; the safeguards are this project's own.",
    settings: &[
        setting(
            "preset",
            Kind::Text,
            Default::Is(RECOMMENDED),
            "`recommended` or `paper`: what the others are if absent",
        ),
        setting("sigma", Kind::Number, Default::Absent, "scaling: 1 greedy, 2 on edge; paper 2"),
        setting("eps", Kind::Number, Default::Absent, "added to the curvature; 0 if absent"),
        setting("beta", Kind::Number, Default::Absent, "decay of the averages, in [0, 1); recommended 0.97, paper 0"),
        setting("cap", Kind::Number, Default::Absent, "largest rate; none if absent"),
        setting("every", Kind::Integer, Default::Absent, "steps between measurements of u.Hu; recommended 8, paper 1"),
        setting(
            "curvature",
            Kind::Text,
            Default::Absent,
            "`measured`, or `auto`: where a prediction will not do; paper measured",
        ),
        setting("error", Kind::Number, Default::Absent, "relative error of a rate that `auto` allows; 0.1 if absent"),
        setting("growth", Kind::Number, Default::Absent, "most that a step may grow by; recommended 1.5"),
        setting("cooldown", Kind::Number, Default::Absent, "share of the steps on the way down; recommended 0.5"),
        PARTS,
        sigma::START,
        sigma::STEPS,
        sigma::BATCH,
        sigma::NOISE,
        sigma::MOMENTUM,
    ],
    build,
};

/// What `curvature` may be, and what `error` is if absent.
const MEASURED: &str = "measured";
const AUTO: &str = "auto";
const ERROR: f64 = 0.1;
/// What `curvature_parts` is beside `auto` in a spec that does not say: its objectives all have parts.
const AUTO_PARTS: i64 = 8;

/// What `preset` may be.
const RECOMMENDED: &str = "recommended";
const PAPER: &str = "paper";

fn build(settings: &Settings) -> Result<Box<dyn Tuner>, SettingError> {
    match settings.text("preset") {
        RECOMMENDED => {
            Ok(Box::new(Guarded::from_settings(settings)?.with_parts(Parts::from_settings("cdat", settings)?)))
        }
        PAPER => Ok(Box::new(Cdat::from_settings(settings)?)),
        _ => Err(settings.out_of_range("preset", "`recommended` or `paper`")),
    }
}

/// `given` with what `preset` says of the settings that are not in it, as numbers: what a run under these conditions is
/// made from, so that its spec says so.
///
/// # Errors
/// A preset that is no text; one that is not known is left for [`build`](super::build) to refuse.
pub fn spelled_out(mut given: BTreeMap<String, Value>, conditions: Conditions) -> BTreeMap<String, Value> {
    let recommended = Guarded::recommended();
    let is_auto = given.get("curvature").is_some_and(|value| value.to_string().trim_matches('"') == AUTO);
    let numbers: Vec<(&str, Value)> = match given.get("preset").map(ToString::to_string).as_deref() {
        None | Some("recommended" | "\"recommended\"") => recommended.spelled_out(conditions),
        Some("paper" | "\"paper\"") => vec![
            ("sigma", Value::Number(2.0)),
            ("eps", Value::Number(0.0)),
            ("beta", Value::Number(0.0)),
            ("cap", Value::Number(f64::INFINITY)),
            ("every", Value::Integer(1)),
        ],
        Some(_) => Vec::new(),
    };
    let of_auto = [("error", Value::Number(ERROR)), (PARTS.key, Value::Integer(AUTO_PARTS))];
    for (key, value) in numbers.into_iter().chain(of_auto.into_iter().filter(|_| is_auto)) {
        given.entry(key.to_owned()).or_insert(value);
    }
    given
}

impl Tuner for Cdat {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let numerator = numerator(line, &mut self.events)?;
        let denominator = self.denominator(line)?;
        self.numerator = self.beta * self.numerator + (1.0 - self.beta) * numerator;
        self.denominator = self.beta * self.denominator + (1.0 - self.beta) * denominator;
        let rate = quotient(self.sigma.at(line.step()) * self.numerator, self.denominator, line, &mut self.events);
        Ok(cut(rate, self.cap, &mut self.events))
    }

    fn needs(&self) -> Needs {
        self.parts.needs()
    }

    fn expects_curvature(&self, step: u64) -> bool {
        if let Some(amortised) = &self.amortised {
            return amortised.is_due(step);
        }
        step.is_multiple_of(self.every) || self.square == 0.0
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        let state = self.events.state().with_scalar("numerator", self.numerator);
        let state = state.with_scalar("denominator", self.denominator);
        let state = state.with_scalar("curvature", self.curvature).with_scalar("square", self.square);
        match &self.amortised {
            Some(amortised) => amortised.state(state),
            None => state,
        }
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("cdat");
        self.events = Events::read(&mut reader)?;
        self.numerator = reader.scalar("numerator")?;
        self.denominator = reader.scalar("denominator")?;
        self.curvature = reader.scalar("curvature")?;
        self.square = reader.scalar("square")?;
        if let Some(amortised) = &mut self.amortised {
            amortised.restore(&mut reader)?;
        }
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/cdat.rs"]
mod tests;
