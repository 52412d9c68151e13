use onedge_objective::{Reader, State};
use onedge_registry::Error as SettingError;

use crate::bounds::Bounds;
use crate::{Error, Line};

/// A curvature along unit vectors that is measured where it must be, and predicted in between.
///
/// **What is predicted.** `c_t = |u.Hu| / |u|^2`, with its logarithm x. Near the edge rates alternate from step to step, and with them
/// the part of the update that lies along the top eigenvector: c of one step says little of the next, and much of the one after. So there are
/// two predictors, and the one with the smaller expected error is taken.
///
/// - *The same parity*, for the full batch: `x_s + r (t - s)`, where s is the last step measured that is even or odd as t is, and r the average of
///   the change a step between two such. Its error grows with the steps in between like that of a random walk, `v sqrt(t - s)`; v is the average of
///   `|e| / sqrt(t - s)` over the measured steps, e what the predictor was off there. (Not the root of a mean square: curvatures jump now and then, and one
///   jump would have every step measured for a while.)
/// - *The average*, for mini-batches: `M = sum |u.Hu| / sum |u|^2` over the measured steps, each forgotten by a factor e in 64 steps. The ratio of sums, and not the mean
///   of ratios: batches with a long update have a large c, too, and `M |u|^2` is then right in the mean. Its error has two parts. That of one batch, `s = (c - M) / M`, of
///   which the averages of a rule with decay beta leave the share `sqrt((1 - beta) / (1 + beta))`; and what the average is late where the curvature
///   drifts, the mean of `ln c - ln M + s^2 / 2` over the last 8 measurements, of which no average leaves less.
///
/// **When it is measured.** At each of the first 8 steps; where the expected relative error of the rate is above `error`; where nothing was measured for 16
/// steps or a parity for 32, so that a prediction that was right once is proved again; and where the step before shows it:
/// `u.(g_t - g_{t-1}) / (eta |u|^2)`, with u, eta of that step, is the mean curvature along it, and free. Its logarithm less the x that the step before
/// was made with is averaged at measured steps, with its deviation; where it is off by more than three of those, and `error`, something has
/// changed, and the curvature is measured. In mini-batches the two gradients are of different batches, the deviation is large, and it seldom speaks.
///
/// **On how much it is measured.** Where there are parts, on one part of the batch, for its share of the cost, where that puts the rate off by
/// no more than `error` either: what a part is off the batch, relative to it, is measured on both at the first steps and at each
/// 17th from then on, and of its root mean square the averages of a rule leave the same share as of batches. What the parts scatter more than batches is taken off
/// where the error of the average is learned.
///
/// Source: this project. The secant is that of Barzilai and Borwein 1988.
#[derive(Debug, Clone)]
pub(super) struct Amortised {
    /// The relative error of a rate that is allowed.
    error: f64,
    /// What averages of the rule leave of the error of a batch.
    share: f64,
    /// Of the squares of what a part is off the batch, relative to it.
    part: Average,
    /// Of even and of odd steps.
    last: [Option<Known>; 2],
    trend: Average,
    walk: Average,
    sums: Sums,
    /// Of the squares of what single batches are off the average, relative to it.
    spread: Average,
    /// Of how late the average is.
    drift: Average,
    /// The secant's logarithm less what was used, and its square.
    bias: Average,
    deviation: Average,
    /// The step before.
    before: Option<Before>,
}

/// What a curvature is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The whole batch.
    Batch,
    /// The part of it that the line has.
    Part,
}

/// The logarithm of a curvature, and the step at which it was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    log: f64,
    step: u64,
}

/// Curvatures and squared norms of updates, the older ones with less weight.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sums {
    curvature: f64,
    square: f64,
    /// When something was added last.
    step: u64,
}

impl Sums {
    fn add(&mut self, curvature: f64, square: f64, step: u64) {
        let kept = (-((step - self.step) as f64) / MEMORY).exp();
        (self.curvature, self.square) = (kept * self.curvature + curvature, kept * self.square + square);
        self.step = step;
    }

    /// The logarithm of the curvature along unit vectors, once there is one.
    fn log(&self) -> Option<f64> {
        (self.square > 0.0).then(|| (self.curvature / self.square).ln())
    }
}

/// What the secant of a step is made of at the next.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Before {
    slope: f64,
    norm: f64,
    log: f64,
    measured: bool,
}

/// A weighted mean whose weights fall off, and which is whole from its first value on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Average {
    mean: f64,
    count: f64,
}

impl Average {
    /// Over the last `window` values or so.
    fn add(&mut self, value: f64, window: f64) {
        self.count = (self.count + 1.0).min(window);
        self.mean += (value - self.mean) / self.count;
    }
}

/// At each of the first so many steps the curvature is measured.
const FIRST_STEPS: u64 = 8;
/// A parity is measured after so many steps at the latest.
const LONGEST: u64 = 32;
/// And something after so many.
const SILENT: u64 = 16;
/// A part is compared with its batch at each step that is a multiple of this; odd, so that both parities are met.
const COMPARED: u64 = 17;
/// Sums forget by a factor e in so many steps.
const MEMORY: f64 = 64.0;
/// Measurements that the error of a batch, and the drift, are averaged over.
const WINDOW: f64 = 32.0;
const DRIFT: f64 = 8.0;
/// A single batch counts as no more than this off the average, relative to it; and a drift as no more than this.
const FARTHEST: f64 = 3.0;
const LONG_DRIFT: f64 = 2.0;
/// Those that errors and the trend are learned from.
const LEARNED: f64 = 6.0;
/// An error of the logarithm counts as no more than this: a curvature that changes its sign passes zero.
const LARGEST: f64 = 1.0;
/// Secants that were compared before one can be called odd, and how many deviations off that is.
const SECANTS: f64 = 6.0;
const ODD: f64 = 3.0;

/// What `error` may be.
const ERROR: Bounds = Bounds::new("a number from 0 to 1", |x| (0.0..=1.0).contains(&x));

impl Amortised {
    /// For a rule whose averages have decay `beta`: rates are to be off by `error`, 0 to 1, at most.
    ///
    /// # Errors
    /// An error out of its range.
    pub(super) fn new(error: f64, beta: f64) -> Result<Self, SettingError> {
        Ok(Self {
            error: ERROR.check("cdat", "error", error)?,
            share: ((1.0 - beta) / (1.0 + beta)).sqrt(),
            part: Average::default(),
            last: [None; 2],
            trend: Average::default(),
            walk: Average::default(),
            sums: Sums::default(),
            spread: Average::default(),
            drift: Average::default(),
            bias: Average::default(),
            deviation: Average::default(),
            before: None,
        })
    }

    /// `|u.Hu|` of this step, from `measure` or predicted, and whether it was predicted. Where the line `has_parts`, one of them may stand for the
    /// batch.
    pub(super) fn curvature(
        &mut self,
        line: &mut dyn Line,
        has_parts: bool,
        mut measure: impl FnMut(&mut dyn Line, Of) -> Result<f64, Error>,
    ) -> Result<(f64, bool), Error> {
        let (step, norm) = (line.step(), line.update_norm()?);
        let square = norm * norm;
        let secant = self.secant(line)?;
        let is_odd = secant.is_some_and(|secant| self.is_odd(secant));
        let predicted = self.predicted(step).filter(|_| !self.is_due(step) && !is_odd && square > 0.0);
        let slope = line.slope()?;
        if let Some(log) = predicted {
            self.before = Some(Before { slope, norm, log, measured: false });
            return Ok((log.exp() * square, true));
        }
        let (of, compared) = if has_parts { self.measured_on(step) } else { (Of::Batch, false) };
        let curvature = measure(line, of)?;
        if compared {
            let off = (line.part_curvature()?.abs() / curvature - 1.0).min(FARTHEST);
            if off.is_finite() {
                self.part.add(off * off, WINDOW);
            }
        }
        let log = (curvature / square).ln();
        // Nothing is learned of a curvature that vanishes.
        if !log.is_finite() {
            self.before = None;
            return Ok((curvature, false));
        }
        self.learn(log, square, step, of);
        self.before = Some(Before { slope, norm, log, measured: true });
        Ok((curvature, false))
    }

    /// Whether the curvature is to be measured at a step, whatever the secant says.
    pub(super) fn is_due(&self, step: u64) -> bool {
        let lag = match self.last[parity(step)] {
            Some(known) if step >= FIRST_STEPS => step - known.step,
            _ => return true,
        };
        lag > LONGEST || step - self.sums.step > SILENT || self.expected(lag).1 > self.error
    }

    /// What a measurement is made on, and whether a part is measured beside, to be compared with it.
    fn measured_on(&self, step: u64) -> (Of, bool) {
        let compared = step < FIRST_STEPS || step.is_multiple_of(COMPARED);
        let will_do = self.part.count > 0.0 && self.share * self.part.mean.sqrt() <= self.error;
        (if will_do && !compared { Of::Part } else { Of::Batch }, compared)
    }

    /// Whether the average predicts better than the parity, after so many steps, and the expected relative error of the rate.
    fn expected(&self, lag: u64) -> (bool, f64) {
        let by_parity = if self.walk.count > 0.0 { self.walk.mean * (lag as f64).sqrt() } else { f64::INFINITY };
        let by_average = match self.spread.count > 0.0 {
            true => (self.spread.mean.max(0.0) * self.share * self.share + self.drift.mean * self.drift.mean).sqrt(),
            false => f64::INFINITY,
        };
        (by_average < by_parity, by_average.min(by_parity))
    }

    fn predicted(&self, step: u64) -> Option<f64> {
        let known = self.last[parity(step)]?;
        let lag = step - known.step;
        if self.expected(lag).0 { self.sums.log() } else { Some(known.log + self.trend.mean * lag as f64) }
    }

    /// From a measured curvature along a unit vector and the square of the update's norm.
    fn learn(&mut self, log: f64, square: f64, step: u64, of: Of) {
        // What a part scatters more than its batch.
        let more = if of == Of::Part { self.part.mean } else { 0.0 };
        if let Some(known) = self.last[parity(step)] {
            let lag = (step - known.step) as f64;
            let off = (log - known.log - self.trend.mean * lag).abs().min(LARGEST);
            self.walk.add(off / lag.sqrt(), LEARNED);
            self.trend.add(((log - known.log) / lag).clamp(-LARGEST, LARGEST), LEARNED);
        }
        if let Some(average) = self.sums.log() {
            let off = ((log - average).exp() - 1.0).min(FARTHEST);
            self.spread.add(off * off - more, WINDOW);
            // Of what scatters the mean logarithm is smaller than that of the mean.
            let late = log - average + 0.5 * (self.spread.mean.max(0.0) + more).min(1.0);
            self.drift.add(late.clamp(-LONG_DRIFT, LONG_DRIFT), DRIFT);
        }
        self.sums.add(log.exp() * square, square, step);
        self.last[parity(step)] = Some(Known { log, step });
    }

    /// The logarithm of the curvature along the step before, less the one that it was made with.
    fn secant(&mut self, line: &mut dyn Line) -> Result<Option<f64>, Error> {
        let Some(Before { slope, norm, log, measured }) = self.before else { return Ok(None) };
        let (Some(cosine), Some(rate)) = (line.previous_cosine(), line.previous_learning_rate()) else {
            return Ok(None);
        };
        let change = cosine * line.gradient_norm()? * norm - slope;
        let off = (change / (rate * norm * norm)).abs().ln() - log;
        if !off.is_finite() {
            return Ok(None);
        }
        // What is learned now is known from the next step on.
        let secant = off - self.bias.mean;
        let said = (self.bias.count >= SECANTS).then_some(secant);
        if measured {
            self.deviation.add(secant.abs().min(LARGEST).powi(2), LEARNED);
            self.bias.add(off.clamp(-LARGEST, LARGEST), LEARNED);
        }
        Ok(said)
    }

    fn is_odd(&self, secant: f64) -> bool {
        secant.abs() > (ODD * self.deviation.mean.sqrt()).max(self.error)
    }

    /// Adds what it knows to a state.
    pub(super) fn state(&self, mut state: State<f64>) -> State<f64> {
        for (name, average) in self.averages() {
            state = state.with_scalar(name, average.mean).with_scalar(&format!("{name}_count"), average.count);
        }
        if self.part.count > 0.0 {
            state = state.with_scalar("part", self.part.mean).with_scalar("part_count", self.part.count);
        }
        let Sums { curvature, square, step } = self.sums;
        state = state.with_scalar("sum_curvature", curvature).with_scalar("sum_square", square);
        state = state.with_scalar("sum_step", step as f64);
        for (name, known) in PARITIES.iter().zip(self.last) {
            if let Some(Known { log, step }) = known {
                state = state.with_scalar(name, log).with_scalar(&format!("{name}_step"), step as f64);
            }
        }
        if let Some(Before { slope, norm, log, measured }) = self.before {
            let flag = f64::from(u8::from(measured));
            state = state.with_scalar("before_slope", slope).with_scalar("before_norm", norm);
            state = state.with_scalar("before_log", log).with_scalar("before_measured", flag);
        }
        state
    }

    /// Takes what [`state`](Self::state) added.
    ///
    /// # Errors
    /// A state without it.
    pub(super) fn restore(&mut self, reader: &mut Reader<f64>) -> Result<(), Error> {
        let mut read = |name: &str| -> Result<Average, Error> {
            Ok(Average { mean: reader.scalar(name)?, count: reader.scalar(&format!("{name}_count"))? })
        };
        let [trend, walk, drift, spread, bias, deviation] = NAMES;
        (self.trend, self.walk, self.drift) = (read(trend)?, read(walk)?, read(drift)?);
        (self.spread, self.bias, self.deviation) = (read(spread)?, read(bias)?, read(deviation)?);
        // Not there where nothing was measured on parts, and in states of earlier versions.
        if let Some(mean) = reader.optional_scalar("part") {
            self.part = Average { mean, count: reader.scalar("part_count")? };
        }
        let (curvature, square) = (reader.scalar("sum_curvature")?, reader.scalar("sum_square")?);
        self.sums = Sums { curvature, square, step: reader.count("sum_step")? };
        for (place, name) in PARITIES.into_iter().enumerate() {
            let log = reader.optional_scalar(name);
            self.last[place] = match log {
                Some(log) => Some(Known { log, step: reader.count(&format!("{name}_step"))? }),
                None => None,
            };
        }
        self.before = match reader.optional_scalar("before_slope") {
            Some(slope) => Some(Before {
                slope,
                norm: reader.scalar("before_norm")?,
                log: reader.scalar("before_log")?,
                measured: reader.scalar("before_measured")? > 0.0,
            }),
            None => None,
        };
        Ok(())
    }

    fn averages(&self) -> [(&'static str, Average); 6] {
        let [trend, walk, drift, spread, bias, deviation] = NAMES;
        [
            (trend, self.trend),
            (walk, self.walk),
            (drift, self.drift),
            (spread, self.spread),
            (bias, self.bias),
            (deviation, self.deviation),
        ]
    }
}

/// The averages of a state.
const NAMES: [&str; 6] = ["trend", "walk", "drift", "spread", "bias", "deviation"];
const PARITIES: [&str; 2] = ["even", "odd"];

fn parity(step: u64) -> usize {
    usize::from(!step.is_multiple_of(2))
}

#[cfg(test)]
#[path = "../../tests/unit/amortised.rs"]
mod tests;
