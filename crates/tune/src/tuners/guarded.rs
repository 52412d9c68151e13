use onedge_objective::State;
use onedge_registry::{Error as SettingError, Settings, Value};

use super::parts::Parts;
use super::sigma::Sigma;
use crate::bounds::{Bounds, CAP, DECAY_RATE, FROM_ZERO, IN_RANGE, from_one};
use crate::{Conditions, Error, Events, Line, Needs, Tuner};

/// CDAT as it is recommended: the rate that follows the edge, made safe to leave on.
///
/// Where the paper's rule takes `sigma n / d` of this step, this one keeps averages N of the slope along a unit vector,
/// `-g.u / |u|`, and C of the curvature along it, `|u.Hu| / |u|^2`, and goes the length
///
/// ```text
/// l = sigma(t) trust N / C,      eta = l / |u|.
/// ```
///
/// What is added to the paper's rule, and why; what was tried in its place is in `docs/DEFAULT.md`:
///
/// - **Averages along unit vectors.** With Adam `|u|` falls by an order of magnitude in the first hundred steps, n with it and
///   d with its square: averages of n and d themselves then mix lengths, and their ratio is that of the largest updates.
/// - **Signed slopes.** Negative and positive ones are averaged alike, so that noise cancels instead of adding up.
/// - **Windows that grow.** Averages reach over the later half of the run so far, and over 1 / (1 - beta) steps at most: what
///   the first steps measured is soon forgotten. In full the weight of a new value is `1 / W` with
///   `W = min(1 / (1 - beta), max(1, (t + 1) / 2))`, and that of a curvature which stands for k steps `1 - (1 - 1/W)^k`.
/// - **Curvature every so many steps** (`every`), and at each of the first 8: in between it is known along unit vectors.
///   It is measured also where the slope is more than twice its average, which announces that the curvature has changed.
/// - **First step.** A first curvature that happens to be near zero gives a huge rate: the loss is evaluated where the first
///   step would lead, and the step halved until the loss there is not above the present one.
/// - **Growth.** l grows by at most the factor `growth` in a step, and falls by at most a half. A slope that is zero or
///   positive in the mean therefore halves the length, and can not hold it at zero for ever.
/// - **The edge of this very batch.** Where the curvature was measured, l is at most `max(2, 1.5 sigma)` times the minimiser
///   of this batch's own quadratic model, beyond which that model says that its loss will rise.
/// - **Above the first loss.** In full batch there is no noise to blame for a loss that is above that of the first step. While it is, l is at most the
///   larger of half the length before and the minimiser of a quadratic with the largest curvature that was measured: a softmax that is led far from where
///   it began has next to no curvature there, and by the model of that place alone a step should be longer still.
/// - **Trust.** Losses are averaged over windows of 16 steps, later of an eighth of the steps so far. Where the mean of one
///   is above that of the window before by more than their standard error, trust is halved; else it grows by a fifth, up to 1.
///   In full batch, where there is no noise to blame, a loss that stands still also costs trust, a fifth of it: on a quadratic the
///   edge itself, sigma 2, leads from wall to wall for ever.
///   Where it is below by more than that, noise is not what holds the run up: then trust may grow on, until sigma trust is the
///   sigma of the full batch.
/// - **The end.** Where the number of steps is known, sigma falls in a straight line to zero over the last share
///   `cooldown` of them: a rate that follows the edge keeps bouncing between walls, and in mini-batches the noise holds the
///   loss up, until the rate comes down.
///
/// **Sigma**, if it is not given, follows the optimizer and the batch: with e half the optimizer's edge, that is 1 for
/// gradient descent and RMSProp, `1 + beta` for heavy-ball momentum and `(1 + beta1) / (1 - beta1)` for Adam,
///
/// ```text
/// sigma = 2 e^(-1/2) in mini-batches,      sigma = 2 e^(-1/4) in the full batch:
/// ```
///
/// 2 without momentum, 1.45 and 1.70 with momentum 0.9, 0.46 and 0.96 with Adam. e below 1 is taken as 1 / e, and an optimizer
/// that states no edge is treated as Adam. The exponents are fits to the suite in `bench/default`, not a theorem.
///
/// - Non-descent direction, negative curvature: counted; the absolute value of the curvature enters.
/// - Vanishing C: the length of the step before, counted. A zero update, which is no descent: the rate before.
/// - A length that was cut at the first step, by `growth`, by the edge of the batch or above the first loss: counted as `held_back`; by the cap: `capped`; one
///   whose fall was held: `floored`. A window after which trust was halved: `backed_off`.
/// - Slope or curvature not finite: the line's error ends the run.
///
/// Where none of this acts, the rates are those of the averages alone, to the bit.
///
/// Source: this project, on Roulet et al. 2024, arXiv 2407.06183, whose rule is [`Cdat`](super::Cdat).
///
/// # Example
/// ```
/// use onedge_objective::FnObjective;
/// use onedge_spectrum::Lanczos;
/// use onedge_tune::{Trainer, optimizers::Gd, tuners::Cdat};
///
/// let mut bowl = FnObjective::of_loss(2, |w| 2.0 * w[0] * w[0] + 0.5 * w[1] * w[1])?;
/// let (optimizer, tuner) = (Box::new(Gd::paper()), Box::new(Cdat::recommended()));
/// let mut trainer = Trainer::<f64>::new(2, optimizer, tuner, Lanczos::top(1, 0))?.for_steps(40).in_full_batch();
/// let mut w = [1.0, -1.0];
/// let losses: Vec<f64> = (0..40).map(|_| trainer.step(&mut bowl, &mut w).map(|step| step.loss)).collect::<Result<_, _>>()?;
/// assert!(losses[39] < 0.01 * losses[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Guarded {
    sigma: Option<Sigma>,
    eps: f64,
    beta: f64,
    cap: f64,
    every: u64,
    parts: Parts,
    growth: f64,
    cooldown: f64,
    slope: Average,
    curvature: Average,
    /// The step after the one at which the curvature was last measured.
    measured: u64,
    /// The largest curvature along a unit vector.
    largest: f64,
    /// The loss of the first step, NaN before it.
    first: f64,
    /// The length of the last step, 0 before the first.
    length: f64,
    trust: f64,
    losses: Losses,
    events: Events,
}

/// A weighted mean: the sum of weighted values and that of the weights.
#[derive(Debug, Clone, Copy, Default)]
struct Average {
    sum: f64,
    weight: f64,
}

impl Average {
    fn add(&mut self, value: f64, share: f64) {
        self.sum = (1.0 - share) * self.sum + share * value;
        self.weight = (1.0 - share) * self.weight + share;
    }

    fn mean(self) -> f64 {
        self.sum / self.weight
    }
}

/// The losses of the window under way, and of the one before.
#[derive(Debug, Clone, Copy, Default)]
struct Losses {
    count: f64,
    mean: f64,
    /// The sum of squared deviations from the mean.
    squares: f64,
    /// Mean, and squared standard error of it; the latter is negative if there was no window.
    before: f64,
    before_error: f64,
}

/// Whether a window of losses was better than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Open,
    Better,
    Even,
    Worse,
}

impl Losses {
    fn new() -> Self {
        Self { before_error: -1.0, ..Self::default() }
    }

    /// Takes the loss of step `step`; at the end of a window compares it with the one before.
    fn add(&mut self, loss: f64, step: u64) -> Verdict {
        self.count += 1.0;
        let deviation = loss - self.mean;
        self.mean += deviation / self.count;
        self.squares += deviation * (loss - self.mean);
        if self.count < SHORTEST_WINDOW.max((step + 1) as f64 / WINDOWS) {
            return Verdict::Open;
        }
        let error = self.squares / (self.count - 1.0) / self.count;
        let verdict = match self.before_error {
            before if before < 0.0 => Verdict::Open,
            before if self.mean - self.before > (error + before).sqrt() => Verdict::Worse,
            before if self.before - self.mean > (error + before).sqrt() => Verdict::Better,
            _ => Verdict::Even,
        };
        *self = Self { before: self.mean, before_error: error, ..Self::default() };
        verdict
    }
}

/// At each of the first so many steps the curvature is measured.
const FIRST_STEPS: u64 = 8;
/// Averages reach over the steps so far, divided by this.
const FORGETTING: f64 = 2.0;
/// The curvature is measured anew where the slope is so many times its average.
const SUDDEN: f64 = 2.0;
/// The smallest share of its length that a step leaves to the next.
const FALL: f64 = 0.5;
/// How often the first step is halved at most.
const HALVINGS: u32 = 30;
/// Steps of the first windows of losses.
const SHORTEST_WINDOW: f64 = 16.0;
/// Later ones are the steps so far divided by this.
const WINDOWS: f64 = 8.0;
/// The largest rate: single precision holds its product with any update. Where all examples are fitted, updates vanish and the
/// rate of a step of the usual length has no bound.
const LARGEST: f64 = 1e30;
/// What trust is multiplied by at a standstill in full batch.
const STANDSTILL: f64 = 0.8;
/// Half the edge of Adam with beta1 0.9, for an optimizer that states none.
const UNSTATED: f64 = 19.0;

/// By how much a step may be longer than the one before.
const GROWTH: Bounds = Bounds::new("a number above 1", |x| x > 1.0);
/// A share of the steps.
const SHARE: Bounds = Bounds::new("a number from 0 to 1", |x| (0.0..=1.0).contains(&x));

impl Guarded {
    /// What is recommended: sigma by the optimizer and the batch, averages of decay 0.97, the curvature every 8 steps, growth
    /// by half a step, the later half of the steps on the way down.
    pub fn recommended() -> Self {
        Self::new(None, 0.97, 8).expect(IN_RANGE)
    }

    /// With this `sigma`, or the one that follows optimizer and batch, averages of decay `beta` in [0, 1) and the curvature
    /// measured every `every` steps, at least 1; the rest as [recommended](Self::recommended).
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(sigma: Option<Sigma>, beta: f64, every: u64) -> Result<Self, SettingError> {
        Ok(Self {
            sigma,
            eps: 0.0,
            beta: DECAY_RATE.check("cdat", "beta", beta)?,
            cap: f64::INFINITY,
            every: from_one("cdat", "every", every)?,
            parts: Parts::ONE,
            growth: 1.5,
            cooldown: 0.5,
            slope: Average::default(),
            curvature: Average::default(),
            measured: 0,
            largest: 0.0,
            first: f64::NAN,
            length: 0.0,
            trust: 1.0,
            losses: Losses::new(),
            events: Events::default(),
        })
    }

    /// With a length that grows by at most the factor `growth`, above 1, in a step; infinite for no limit.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn growing_by(self, growth: f64) -> Result<Self, SettingError> {
        Ok(Self { growth: GROWTH.check("cdat", "growth", growth)?, ..self })
    }

    /// With the last share `cooldown`, 0 to 1, of the steps on the way down to rate zero.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn cooling_down(self, cooldown: f64) -> Result<Self, SettingError> {
        Ok(Self { cooldown: SHARE.check("cdat", "cooldown", cooldown)?, ..self })
    }

    /// With `eps`, 0 or more, added to the curvature, and a `cap` on the rate.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn limited(self, eps: f64, cap: f64) -> Result<Self, SettingError> {
        Ok(Self { eps: FROM_ZERO.check("cdat", "eps", eps)?, cap: CAP.check("cdat", "cap", cap)?, ..self })
    }

    /// The same on the settings of the entry `cdat`, of which those that are not given are as recommended.
    pub(super) fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.optional_number(key);
        let given =
            [("curvature", settings.optional_text("curvature").is_some()), ("error", number("error").is_some())];
        if let Some((key, _)) = given.into_iter().find(|(_, given)| *given) {
            let expected = "nothing without `preset = \"paper\"`; `every` says how often the recommended rule measures";
            return Err(settings.out_of_range(key, expected));
        }
        let recommended = Self::recommended();
        // Checked in any case; without a sigma a schedule leads to that of unknown conditions.
        let scheduled = Sigma::from_settings(settings, number("sigma").unwrap_or(Self::sigma(Conditions::UNKNOWN)))?;
        let is_scheduled = ["sigma", "sigma_start", "noise"].into_iter().any(|key| number(key).is_some());
        let sigma = is_scheduled.then_some(scheduled);
        let every = settings.optional_count("every")?.map_or(recommended.every, |every| every as u64);
        Self::new(sigma, number("beta").unwrap_or(recommended.beta), every)?
            .growing_by(number("growth").unwrap_or(recommended.growth))?
            .cooling_down(number("cooldown").unwrap_or(recommended.cooldown))?
            .limited(number("eps").unwrap_or(recommended.eps), number("cap").unwrap_or(recommended.cap))
    }

    /// Its settings as numbers, under these conditions.
    pub(super) fn spelled_out(&self, conditions: Conditions) -> Vec<(&'static str, Value)> {
        // Three digits say as much as the fit does, and can be read.
        let sigma = (1000.0 * Self::sigma(conditions)).round() / 1000.0;
        let &Self { eps, beta, cap, every, growth, cooldown, .. } = self;
        let numbers = [("sigma", sigma), ("eps", eps), ("beta", beta), ("cap", cap)];
        let numbers = numbers.into_iter().chain([("growth", growth), ("cooldown", cooldown)]);
        numbers
            .map(|(key, number)| (key, Value::Number(number)))
            .chain([("every", Value::Integer(every as i64))])
            .collect()
    }

    pub(super) fn with_parts(self, parts: Parts) -> Self {
        Self { parts, ..self }
    }

    /// The sigma that follows optimizer and batch.
    pub fn sigma(conditions: Conditions) -> f64 {
        let e = conditions.edge.map_or(UNSTATED, |edge| edge / 2.0);
        2.0 * e.max(1.0 / e).powf(if conditions.full_batch { -0.25 } else { -0.5 })
    }

    /// What trust may grow to: it brings sigma in mini-batches to that of the full batch.
    fn most_trust(conditions: Conditions) -> f64 {
        Self::sigma(Conditions { full_batch: true, ..conditions }) / Self::sigma(conditions)
    }

    /// What is left of sigma at `step` of so many.
    fn left(&self, step: u64, steps: Option<u64>) -> f64 {
        match steps {
            Some(steps) if self.cooldown > 0.0 => {
                let left = steps.saturating_sub(step) as f64 / steps as f64;
                (left / self.cooldown).min(1.0)
            }
            _ => 1.0,
        }
    }

    /// Measures the curvature along a unit vector, if it is time to; gives the minimiser of this batch's own model.
    fn measure(&mut self, line: &mut dyn Line, slope: f64, norm: f64, window: f64) -> Result<Option<f64>, Error> {
        let step = line.step();
        let sudden = slope > SUDDEN * self.slope.mean();
        let due = step < FIRST_STEPS || step.is_multiple_of(self.every) || self.curvature.weight == 0.0;
        if !(due || sudden) {
            return Ok(None);
        }
        let curvature = self.parts.curvature(line)?;
        if curvature < 0.0 {
            self.events.negative_curvature += 1;
        }
        let curvature = (curvature.abs() + self.eps) / (norm * norm);
        // It stands for all steps since the last one: i32 holds as many as a window forgets long before.
        let steps = (step + 1 - self.measured).min(i32::MAX as u64) as i32;
        self.measured = step + 1;
        self.largest = self.largest.max(curvature);
        self.curvature.add(curvature, 1.0 - (1.0 - 1.0 / window).powi(steps));
        Ok((slope > 0.0 && curvature > 0.0).then(|| slope / curvature))
    }

    /// The first step, halved until the loss where it leads is not above this one.
    fn first_length(&mut self, line: &mut dyn Line, mut length: f64, norm: f64) -> Result<f64, Error> {
        let loss = line.loss();
        for _ in 0..HALVINGS {
            if line.value(length / norm)? <= loss {
                break;
            }
            length *= 0.5;
            self.events.held_back += 1;
        }
        Ok(length)
    }
}

impl Tuner for Guarded {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let (step, loss, conditions) = (line.step(), line.loss(), line.conditions());
        match self.losses.add(loss, step) {
            Verdict::Open => {}
            Verdict::Even if conditions.full_batch => {
                self.trust *= STANDSTILL;
                self.events.backed_off += 1;
            }
            Verdict::Even => self.trust = f64::min(1.2 * self.trust, self.trust.max(1.0)),
            Verdict::Better => self.trust = f64::min(1.2 * self.trust, Self::most_trust(conditions)),
            Verdict::Worse => {
                self.trust *= 0.5;
                self.events.backed_off += 1;
            }
        }
        let (norm, slope) = (line.update_norm()?, -line.slope()?);
        if slope <= 0.0 {
            self.events.non_descent += 1;
        }
        if norm == 0.0 {
            return Ok(line.previous_learning_rate().unwrap_or(0.0));
        }
        let slope = slope / norm;
        let window = (1.0 / (1.0 - self.beta)).min((step + 1) as f64 / FORGETTING).max(1.0);
        self.slope.add(slope, 1.0 / window);
        let minimiser = self.measure(line, slope, norm, window)?;
        let sigma = self.sigma.map_or_else(|| Self::sigma(conditions), |sigma| sigma.at(step));
        let on_average = self.slope.mean() / self.curvature.mean();
        let mut length = sigma * self.left(step, conditions.steps) * self.trust * on_average;
        if !on_average.is_finite() {
            self.events.vanishing_denominator += 1;
            length = self.length;
        }
        let edge = minimiser.map_or(f64::INFINITY, |minimiser| minimiser * f64::max(2.0, 1.5 * sigma));
        let most = if self.length > 0.0 { self.growth * self.length } else { f64::INFINITY };
        // The way down to the end is no fall.
        let down = self.left(step, conditions.steps) / self.left(step.saturating_sub(1), conditions.steps);
        let least = if down.is_finite() { FALL * down * self.length } else { 0.0 };
        let wanted = length.max(least);
        if wanted > length {
            self.events.floored += 1;
        }
        if self.first.is_nan() {
            self.first = loss;
        }
        // A slope uphill is below any share of a length, and no number where no curvature was met.
        let above = conditions.full_batch && loss > self.first;
        let back = if above { (FALL * self.length).max(slope / self.largest) } else { f64::INFINITY };
        length = wanted.min(most).min(edge).min(back);
        if length < wanted {
            self.events.held_back += 1;
        }
        let cap = self.cap.min(LARGEST) * norm;
        if length > cap {
            length = cap;
            self.events.capped += 1;
        }
        if self.length == 0.0 && length > 0.0 {
            length = self.first_length(line, length, norm)?;
        }
        self.length = length;
        // Rounding must not lead beyond the cap.
        Ok((length / norm).min(self.cap).min(LARGEST))
    }

    fn needs(&self) -> Needs {
        self.parts.needs()
    }

    fn expects_curvature(&self, step: u64) -> bool {
        step < FIRST_STEPS || step.is_multiple_of(self.every)
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        let Losses { count, mean, squares, before, before_error } = self.losses;
        [
            ("slope", self.slope.sum),
            ("slope_weight", self.slope.weight),
            ("curvature", self.curvature.sum),
            ("curvature_weight", self.curvature.weight),
            ("measured", self.measured as f64),
            ("largest", self.largest),
            ("length", self.length),
            ("trust", self.trust),
            ("losses", count),
            ("losses_mean", mean),
            ("losses_squares", squares),
            ("before", before),
            ("before_error", before_error),
        ]
        .into_iter()
        .chain((!self.first.is_nan()).then_some(("first", self.first)))
        .fold(self.events.state(), |state, (name, value)| state.with_scalar(name, value))
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("cdat");
        self.events = Events::read(&mut reader)?;
        self.slope = Average { sum: reader.scalar("slope")?, weight: reader.scalar("slope_weight")? };
        self.curvature = Average { sum: reader.scalar("curvature")?, weight: reader.scalar("curvature_weight")? };
        self.measured = reader.count("measured")?;
        // Earlier versions did not keep these: where they took steps, no loss is above the first one.
        self.largest = reader.optional_scalar("largest").unwrap_or(0.0);
        let unknown = if self.slope.weight == 0.0 { f64::NAN } else { f64::INFINITY };
        self.first = reader.optional_scalar("first").unwrap_or(unknown);
        self.length = reader.scalar("length")?;
        self.trust = reader.scalar("trust")?;
        self.losses = Losses {
            count: reader.scalar("losses")?,
            mean: reader.scalar("losses_mean")?,
            squares: reader.scalar("losses_squares")?,
            before: reader.scalar("before")?,
            before_error: reader.scalar("before_error")?,
        };
        Ok(reader.finish()?)
    }
}
