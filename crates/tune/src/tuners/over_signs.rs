//! What the rules from measures of the whole spectrum share: a mean over random vectors of signs, and its ratio to the sharpness.

use onedge_objective::State;
use onedge_registry::{Default, Error as SettingError, Kind, Setting, Settings, Value, setting};

use super::quadratic::quotient;
use crate::bounds::{DECAY_RATE, POSITIVE, from_one, refused};
use crate::{Error, Events, Form, Line, Sharpness};

/// The settings of [`Trace`](super::Trace) and [`Frobenius`](super::Frobenius).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverSignsOptions {
    /// Positive: with a `ratio` that is right, 2 is the edge of gradient descent.
    pub sigma: f64,
    /// The measure over lambda_max, positive; `None` to measure it at the first step.
    pub ratio: Option<f64>,
    /// Decay of the average over measurements, in [0, 1).
    pub beta: f64,
    /// Steps between measurements, 1 or more.
    pub every: u64,
    /// Random vectors of a measurement, 2 or more.
    pub samples: usize,
}

impl OverSignsOptions {
    /// Sigma 2, the ratio of the first step, four vectors every four steps, averages with decay 0.8.
    pub const USUAL: Self = Self { sigma: 2.0, ratio: None, beta: 0.8, every: 4, samples: 4 };
}

/// The first measurement takes at least so many vectors: the ratio, made of it, is kept for the whole of the run.
const FIRST: usize = 64;

pub(super) static SETTINGS: &[Setting] = &[
    setting(
        "sigma",
        Kind::Number,
        Default::Is("2.0"),
        "scaling: 2 is the edge of gradient descent, if the ratio is right",
    ),
    setting("ratio", Kind::Number, Default::Absent, "the measure over lambda_max; if absent that of the first step"),
    setting("beta", Kind::Number, Default::Is("0.8"), "decay of the average over measurements, in [0, 1)"),
    setting("every", Kind::Integer, Default::Is("4"), "steps between measurements"),
    setting("samples", Kind::Integer, Default::Is("4"), "random vectors of a measurement, 2 or more"),
];

/// `eta = sigma ratio / measure`.
#[derive(Debug, Clone)]
pub(super) struct OverSigns {
    owner: &'static str,
    form: Form,
    options: OverSignsOptions,
    /// As given, or as measured; 0 until then.
    ratio: f64,
    /// The average from zero, and what it lacks of its weight.
    average: f64,
    weight: f64,
    pub(super) events: Events,
}

impl OverSigns {
    pub(super) fn new(owner: &'static str, form: Form, options: OverSignsOptions) -> Result<Self, SettingError> {
        POSITIVE.check(owner, "sigma", options.sigma)?;
        let ratio = options.ratio.map_or(Ok(0.0), |ratio| POSITIVE.check(owner, "ratio", ratio))?;
        DECAY_RATE.check(owner, "beta", options.beta)?;
        from_one(owner, "every", options.every)?;
        if options.samples < 2 {
            let got = Value::Integer(options.samples as i64);
            return Err(refused(owner, "samples", "a whole number, 2 or more", got));
        }
        Ok(Self { owner, form, options, ratio, average: 0.0, weight: 0.0, events: Events::default() })
    }

    pub(super) fn from_settings(owner: &'static str, form: Form, settings: &Settings) -> Result<Self, SettingError> {
        let options = OverSignsOptions {
            sigma: settings.number("sigma"),
            ratio: settings.optional_number("ratio"),
            beta: settings.number("beta"),
            every: settings.count("every")? as u64,
            samples: settings.count("samples")?,
        };
        Self::new(owner, form, options)
    }

    pub(super) fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let OverSignsOptions { sigma, beta, every, samples, .. } = self.options;
        if line.step().is_multiple_of(every) || self.weight == 0.0 {
            let samples = if self.weight == 0.0 { samples.max(FIRST) } else { samples };
            let mean = line.over_signs(self.form, samples)?;
            self.average = beta * self.average + (1.0 - beta) * mean;
            self.weight = beta * self.weight + (1.0 - beta);
        }
        let mean = self.average / self.weight;
        self.events.negative_curvature += u64::from(mean < 0.0);
        let measure = if self.form == Form::Trace { mean.abs() } else { mean.sqrt() };
        if measure == 0.0 {
            return Ok(quotient(sigma, 0.0, line, &mut self.events));
        }
        if self.ratio == 0.0 {
            let Sharpness { value, converged } = line.sharpness()?;
            self.events.unconverged += u64::from(!converged);
            if value <= 0.0 {
                self.events.negative_curvature += 1;
                return Ok(line.previous_learning_rate().unwrap_or(0.0));
            }
            self.ratio = measure / value;
        }
        Ok(quotient(sigma * self.ratio, measure, line, &mut self.events))
    }

    pub(super) fn state(&self) -> State<f64> {
        let state = self.events.state().with_scalar("average", self.average);
        state.with_scalar("weight", self.weight).with_scalar("ratio", self.ratio)
    }

    pub(super) fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader(self.owner);
        self.events = Events::read(&mut reader)?;
        self.average = reader.scalar("average")?;
        self.weight = reader.scalar("weight")?;
        self.ratio = reader.scalar("ratio")?;
        Ok(reader.finish()?)
    }
}
