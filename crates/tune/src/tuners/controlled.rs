use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use super::parts::{PARTS, Parts};
use super::quadratic::cut;
use crate::bounds::{Bounds, CAP, DECAY_RATE, IN_RANGE, POSITIVE};
use crate::{Error, Events, Line, Needs, Tuner};

/// A closed loop that steers the measured batch sharpness to a target: a PI controller on the logarithm of the rate.
///
/// **What is measured.** The averages `N <- beta N + (1 - beta) u.Hu` and `D <- beta D - (1 - beta) g.u`, both with their
/// signs and from zero, so that the bias cancels, and that of the logarithm of the rates that were used, `L <- beta L +
/// (1 - beta) log eta_(t-1)`, from the first of them, give `r = exp(L) N / D`. For gradient descent in mini-batches this is
/// `eta E[g.Hg] / E[g.g]`, the rate times the batch sharpness; on a quadratic r = 1 is the best step along u and r = 2
/// leaves the loss as it is. The rates are averaged apart: in averages of `s.Hs` with s = eta u one step far too long
/// would outweigh all that follow, and as the rate falls on and on they would never be told that it is over.
/// The target is what sigma is to CDAT, which sets `r` itself at every step, noise and all; here the average of r is
/// brought to the target over several steps.
///
/// **The plant.** Let `l = log eta` and `x_t = log(u.Hu / -g.u)`, the disturbance: noise of batches, and the drift that
/// progressive sharpening brings. Then `log r` of a single step is `l + x`: one more in l is one more in log r. To
/// first order around a steady state the average of the ratio is the average of the logarithms,
///
/// ```text
/// rho_t = beta rho_(t-1) + (1 - beta) (l_(t-1) + x_t),   rho = log r
/// ```
///
/// **The controller.** With the error `e_t = log target - rho_t`,
///
/// ```text
/// l_t = l_(t-1) + K_p (e_t - e_(t-1)) + K_i e_t,   K_p = (beta - p^2) / (1 - beta),   K_i = (1 - p)^2 / (1 - beta)
/// ```
///
/// Put together, deviations obey `z^2 - (1 + beta - (1 - beta)(K_p + K_i)) z + beta - (1 - beta) K_p = 0`; with these
/// gains that is `(z - p)^2 = 0`. So the loop is stable for any `pole` p in [0, 1), and errors die out as `t p^t`. The
/// default p = beta makes `K_p = beta` and `K_i = 1 - beta`, and then, exactly, `l_t + log(N_t / D_t) = beta (l_(t-1) +
/// log(N_(t-1) / D_(t-1))) + (1 - beta) log target`. Begun on target, and as long as neither `limit` nor `cap` acts, that
/// is [`Cdat`](super::Cdat) with averages: CDAT with averages of decay beta is this loop with both poles at beta. A pole
/// under beta answers faster and to more of the noise, one above it more slowly. Of 0.5, 0.8, 0.9 and 0.97 with beta = 0.9,
/// 0.8 and 0.9 did best on small networks in mini-batches.
///
/// **Margins.** If log r really changes by k where l changes by 1, because sharpness answers to the rate, Jury's
/// conditions are `k > 0`, `-(1 - beta) < k (1 - beta) K_p < 1 + beta` and `k (1 - beta) (2 K_p + K_i) < 2 (1 + beta)`.
/// For p = beta the last one is the tightest: `k < 2 / (1 - beta)`, a gain that is wrong by a factor of 20 with beta =
/// 0.9. A drift of x by v a step leaves log r off its target by `v / K_i` for good. Noise of variance q in x leaves l
/// with the variance `q (1 - beta) / (1 + beta)` for p = beta.
///
/// **Anti-windup.** The formula speaks of increments, so the sum of errors is in l itself: where `limit` or `cap` cut
/// what was asked for, the next increment starts from what was given, and nothing is left to unwind. It is full
/// back-calculation.
///
/// - First step: the rate `rate`, adjusted at once; if not set, `target (-g.u) / |u.Hu|`, which begins on target. A negative
///   curvature is counted there, and the rate is CDAT's: waiting for a positive one would be to wait for ever, as without a step
///   the full batch has the same curvature again.
/// - The average step is no descent, `D <= 0`: the rate is held, counted as non-descent.
/// - The average curvature is negative, `N < 0`: the rate is held, counted. One negative curvature only lowers N.
/// - N is zero or the ratio not finite: the rate is held, counted as a vanishing denominator.
/// - Before any rate is known: 0 where the update is no descent or the curvature vanishes, counted in the same way, and the
///   next step begins anew.
/// - A rate that grows by more than `limit`, or exceeds the cap: cut, counted. It may fall at once as far as it is told
///   to: where an update is suddenly longer, as those of methods that scale themselves, a slower fall would diverge.
/// - Slope or curvature not finite: the line's error ends the run.
///
/// Cost: one curvature, of the batch or of a part of it (see [`Cdat`](super::Cdat)).
///
/// Source: the rule is this project's own. Batch sharpness: Andreyev and Beneventano 2024, arXiv 2412.20553; the
/// quantity with the update in the place of the gradient as in Roulet et al. 2024, arXiv 2407.06183, equation 6.
/// Controller: Åström and Murray, Feedback Systems, 2nd edition 2021, chapter 11; stability: Jury 1964.
#[derive(Debug, Clone)]
pub struct Controlled {
    options: ControlledOptions,
    parts: Parts,
    /// 0 until one is known.
    rate: f64,
    /// N
    numerator: f64,
    /// D
    denominator: f64,
    /// L, once there is a rate.
    log_rate: Option<f64>,
    error: Option<f64>,
    events: Events,
}

/// The settings of [`Controlled`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ControlledOptions {
    /// What r is brought to, positive.
    pub target: f64,
    /// Decay of the averages, in [0, 1).
    pub beta: f64,
    /// Both poles of the loop, in [0, 1).
    pub pole: f64,
    /// The rate to begin with; `None` begins on target.
    pub rate: Option<f64>,
    /// Largest growth of the rate in a step, more than 1; infinite for none.
    pub limit: f64,
    /// Largest rate; infinite for none.
    pub cap: f64,
}

/// A largest growth.
const LIMIT: Bounds = Bounds::new("a number more than 1, inf for none", |x| x > 1.0);

impl Controlled {
    /// With these settings.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(options: ControlledOptions) -> Result<Self, SettingError> {
        let ControlledOptions { target, beta, pole, rate, limit, cap } = options;
        POSITIVE.check("controlled", "target", target)?;
        DECAY_RATE.check("controlled", "beta", beta)?;
        DECAY_RATE.check("controlled", "pole", pole)?;
        rate.map(|rate| POSITIVE.check("controlled", "rate", rate)).transpose()?;
        LIMIT.check("controlled", "limit", limit)?;
        CAP.check("controlled", "cap", cap)?;
        let (parts, events) = (Parts::ONE, Events::default());
        let (rate, numerator, denominator, log_rate, error) = (0.0, 0.0, 0.0, None, None);
        Ok(Self { options, parts, rate, numerator, denominator, log_rate, error, events })
    }

    /// With the curvature of one of `parts` equal parts of the batch, 1 or more.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn measuring_parts(self, parts: usize) -> Result<Self, SettingError> {
        Ok(Self { parts: Parts::new("controlled", parts)?, ..self })
    }

    /// To r = 2, averages of decay 0.9, poles there too, at most twice the rate in a step.
    pub fn standard() -> Self {
        let (beta, limit, cap) = (0.9, 2.0, f64::INFINITY);
        Self::new(ControlledOptions { target: 2.0, beta, pole: beta, rate: None, limit, cap }).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        let beta = number("beta");
        let controlled = Self::new(ControlledOptions {
            target: number("target"),
            beta,
            pole: settings.optional_number("pole").unwrap_or(beta),
            rate: settings.optional_number("rate"),
            limit: number("limit"),
            cap: number("cap"),
        })?;
        Ok(Self { parts: Parts::from_settings("controlled", settings)?, ..controlled })
    }

    /// The first rate, on target; 0 where there is none.
    fn begin(&mut self, descent: f64, curvature: f64) -> f64 {
        let rate = self.options.target * descent / curvature.abs();
        if descent <= 0.0 {
            self.events.non_descent += 1;
            return 0.0;
        }
        if !rate.is_finite() || rate == 0.0 {
            self.events.vanishing_denominator += 1;
            return 0.0;
        }
        self.events.negative_curvature += u64::from(curvature < 0.0);
        cut(rate, self.options.cap, &mut self.events)
    }

    fn average(&mut self, descent: f64, curvature: f64) {
        let average = |mean: f64, value: f64| self.options.beta * mean + (1.0 - self.options.beta) * value;
        self.numerator = average(self.numerator, curvature);
        self.denominator = average(self.denominator, descent);
        let log_rate = self.rate.ln();
        self.log_rate = Some(average(self.log_rate.unwrap_or(log_rate), log_rate));
    }

    /// r
    fn ratio(&self) -> f64 {
        self.log_rate.unwrap_or_default().exp() * self.numerator / self.denominator
    }

    /// log target - log r, if there is an r.
    fn measure(&mut self) -> Option<f64> {
        let error = (self.options.target / self.ratio()).ln();
        if self.denominator <= 0.0 {
            self.events.non_descent += 1;
        } else if self.numerator < 0.0 {
            self.events.negative_curvature += 1;
        } else if !error.is_finite() {
            self.events.vanishing_denominator += 1;
        } else {
            return Some(error);
        }
        None
    }

    fn control(&mut self, error: f64) -> f64 {
        let ControlledOptions { beta, pole, limit, cap, .. } = self.options;
        let proportional = (beta - pole * pole) / (1.0 - beta);
        let integral = (1.0 - pole) * (1.0 - pole) / (1.0 - beta);
        let increment = proportional * (error - self.error.unwrap_or(error)) + integral * error;
        self.error = Some(error);
        cut(self.rate * increment.exp(), (self.rate * limit).min(cap), &mut self.events)
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "controlled",
    summary: "closed loop that brings the measured batch sharpness to a target",
    doc: "A PI controller on log eta brings r = eta E[u.Hu] / -E[g.u] to the target; numerator, denominator and log eta \
          are averaged with decay beta, and both poles of the loop are at pole. With the pole at beta, and begun on target, it is \
          cdat with averages. A negative curvature at the first step counts by its size. Averages that are no descent, of negative or vanishing \
          curvature hold the rate; that is counted, and so are limit and cap. For any optimizer and batch. The rule is this project's own.",
    settings: &[
        setting("target", Kind::Number, Default::Is("2.0"), "what r is brought to: 1 greedy, 2 on edge"),
        setting("beta", Kind::Number, Default::Is("0.9"), "decay of the averages, in [0, 1)"),
        setting(
            "pole",
            Kind::Number,
            Default::Absent,
            "poles of the loop, in [0, 1): smaller is faster; beta if not set",
        ),
        setting("rate", Kind::Number, Default::Absent, "the rate to begin with; on target if not set"),
        setting("limit", Kind::Number, Default::Is("2.0"), "largest growth of the rate in a step"),
        setting("cap", Kind::Number, Default::Is("inf"), "largest rate"),
        PARTS,
    ],
    build: |settings| Ok(Box::new(Controlled::from_settings(settings)?)),
};

impl Tuner for Controlled {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let (descent, curvature) = (-line.slope()?, self.parts.curvature(line)?);
        if self.rate == 0.0 {
            if let Some(rate) = self.options.rate {
                self.rate = rate;
            } else {
                self.rate = self.begin(descent, curvature);
                if self.rate > 0.0 {
                    self.average(descent, curvature);
                    self.error = Some(0.0);
                }
                return Ok(self.rate);
            }
        }
        self.average(descent, curvature);
        if let Some(error) = self.measure() {
            self.rate = self.control(error);
        }
        Ok(self.rate)
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
        let state = self
            .events
            .state()
            .with_scalar("rate", self.rate)
            .with_scalar("numerator", self.numerator)
            .with_scalar("denominator", self.denominator);
        let kept = [("log_rate", self.log_rate), ("error", self.error)];
        let kept = kept.into_iter().filter_map(|(name, value)| Some((name, value?)));
        kept.fold(state, |state, (name, value)| state.with_scalar(name, value))
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("controlled");
        self.events = Events::read(&mut reader)?;
        self.rate = reader.scalar("rate")?;
        self.numerator = reader.scalar("numerator")?;
        self.denominator = reader.scalar("denominator")?;
        self.log_rate = reader.optional_scalar("log_rate");
        self.error = reader.optional_scalar("error");
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/controlled.rs"]
mod tests;
