use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::linesearch::{Decrease, Verdict, resumed};
use super::make::Make;
use crate::bounds::{Bounds, DECREASE, FROM_ZERO, IN_RANGE, SHARE, from_one};
use crate::{Error, Events, Line, Needs, Tuner};

/// A search ends here whatever the loss is.
const SMALLEST_RATE: f64 = 1e-30;
/// A search without a limit of its own ends after so many tries; with the default `c_minus` rounding ends it much sooner.
const MOST_TRIES: usize = 1000;

/// Armijo's backtracking linesearch: the first rate with `f(w + eta u) <= (1 + delta) f(w) + c eta g.u` among
/// `min(c_plus eta_previous, 1)` and that times powers of `c_minus`.
///
/// - First step: starts at 1. After a rate of 0 from the last rate that was a step, if there was one.
/// - Non-descent direction: counted. In full batch an optimizer with momentum forgets the directions before
///   ([`Optimizer::restart`](crate::Optimizer::restart)); where that does not help, and in mini-batches, rate 0: along such a
///   direction no rate need meet the condition, before rounding hides the change.
/// - A loss that equals that at w but for rounding: the slope there decides, `g(w + eta u).u <= (2c - 1) g.u`.
/// - Negative curvature: not looked at.
/// - A trial value that is not finite: rejected, counted.
/// - No rate found in `max_tries` tries (1000 if there is no limit), before `eta |g.u|` is less than the last bit of the
///   loss, or before the step is lost in the rounding of the parameters: rate 0, counted as given up. In full batch a search
///   that ran out of tries goes on at the next step where it ended; after the other two the next search starts at 1.
/// - Slope not finite: the line's error ends the run.
///
/// Cost: one loss a try, and a gradient where the loss equals that at w but for rounding.
///
/// Source: Armijo 1966; Hager and Zhang 2005, equation 4.1, for such a loss; Roulet et al. 2024, arXiv 2407.06183, section 2 and appendix on experiments. Differs from the
/// paper: the bounds on a search that the paper leaves without one, the rate 0 after giving up, and what is done about
/// rounding and about directions that lead uphill, of which the paper says nothing.
#[derive(Debug, Clone)]
pub struct Armijo {
    options: ArmijoOptions,
    /// The last rate that was a step.
    last: Option<f64>,
    /// Where the search before ran out of tries, if the next one goes on there.
    ended: Option<f64>,
    events: Events,
}

/// The settings of [`Armijo`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmijoOptions {
    /// Share of the linear decrease that is asked for, in [0, 1).
    pub c: f64,
    /// How much longer than the last rate the first try is, at least 1; infinite starts at 1 each time.
    pub c_plus: f64,
    /// What a rejected rate is multiplied by, in (0, 1).
    pub c_minus: f64,
    /// Relative increase of the loss that is allowed, 0 or more.
    pub delta: f64,
    /// Tries at most; `None` for as many as it takes, up to 1000.
    pub max_tries: Option<usize>,
}

/// A growth of the first try.
const GROWTH: Bounds = Bounds::new("a number, 1 or more, or inf", |x| x >= 1.0);

impl Armijo {
    /// With these settings.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(options: ArmijoOptions) -> Result<Self, SettingError> {
        let ArmijoOptions { c, c_plus, c_minus, delta, max_tries } = options;
        DECREASE.check("armijo", "c", c)?;
        GROWTH.check("armijo", "c_plus", c_plus)?;
        SHARE.check("armijo", "c_minus", c_minus)?;
        FROM_ZERO.check("armijo", "delta", delta)?;
        max_tries.map(|tries| from_one("armijo", "max_tries", tries as u64)).transpose()?;
        Ok(Self { options, last: None, ended: None, events: Events::default() })
    }

    /// For the full batch: c = 1e-4, c_plus = 4, c_minus = 0.8, delta = 0, from the paper's grid; until it holds.
    pub fn paper_full_batch() -> Self {
        let options = ArmijoOptions { c: 1e-4, c_plus: 4.0, c_minus: 0.8, delta: 0.0, max_tries: None };
        Self::new(options).expect(IN_RANGE)
    }

    /// The same for mini-batches: at most 30 tries.
    pub fn paper_mini_batch() -> Self {
        Self::new(ArmijoOptions { max_tries: Some(30), ..Self::paper_full_batch().options }).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        Self::new(ArmijoOptions {
            c: number("c"),
            c_plus: number("c_plus"),
            c_minus: number("c_minus"),
            delta: number("delta"),
            max_tries: settings.optional_count("max_tries")?,
        })
    }

    /// A search that ends in rounding. From the last rate the next one would end there again.
    fn lost(&mut self) -> f64 {
        self.last = None;
        self.events.gave_up += 1;
        0.0
    }

    fn first_rate(&mut self, previous: Option<f64>) -> f64 {
        if let Some(ended) = self.ended.take() {
            return ended;
        }
        match previous.filter(|rate| *rate > 0.0).or(self.last) {
            Some(rate) => (self.options.c_plus * rate).min(1.0),
            None => 1.0,
        }
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "armijo",
    summary: "backtracking linesearch",
    doc: "The first eta among min(c_plus eta_previous, 1) times powers of c_minus with \
          f(w + eta u) <= (1 + delta) f(w) + c eta g.u; where the two losses are equal but for rounding, with \
          g(w + eta u).u <= (2c - 1) g.u. A trial value that is not finite is rejected. Where the update leads uphill, momentum \
          and Adam start anew from this gradient in full batch; in mini-batches, and for other optimizers, the rate is 0. A search \
          without success gives rate 0, and the next one starts from the last rate that was a step, or where it ran out of \
          tries in full batch, or at 1 where a step moved nothing. All are counted. For the full batch. Source: Armijo 1966; Hager and Zhang 2005, equation 4.1; \
          Roulet et al. 2024, arXiv 2407.06183.",
    settings: &[
        setting("c", Kind::Number, Default::Is("1e-4"), "share of the linear decrease asked for, in [0, 1)"),
        setting("c_plus", Kind::Number, Default::Is("4.0"), "first try over the last rate; inf starts at 1"),
        setting("c_minus", Kind::Number, Default::Is("0.8"), "what a rejected rate is multiplied by, in (0, 1)"),
        setting("delta", Kind::Number, Default::Is("0.0"), "relative increase of the loss allowed"),
        setting("max_tries", Kind::Integer, Default::Absent, "tries at most (30 in mini-batch); 1000 if not set"),
    ],
    build: |settings| Ok(Box::new(Armijo::from_settings(settings)?)),
};

impl Tuner for Armijo {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let ArmijoOptions { c, c_minus, delta, max_tries, .. } = self.options;
        let slope = line.slope()?;
        self.events.non_descent += u64::from(slope >= 0.0 || line.restarted());
        if slope >= 0.0 {
            return Ok(0.0);
        }
        let decrease = Decrease { allowed: (1.0 + delta) * line.loss(), share: c, slope };
        let mut rate = self.first_rate(line.previous_learning_rate());
        let shortest = SMALLEST_RATE.max(f64::EPSILON * line.loss().abs() / -slope);
        for _ in 0..max_tries.unwrap_or(MOST_TRIES) {
            if rate < shortest {
                return Ok(self.lost());
            }
            let value = line.value(rate)?;
            if value.is_finite() {
                match decrease.judge(line, rate, value)? {
                    Verdict::Enough => {
                        self.last = Some(rate);
                        return Ok(rate);
                    }
                    Verdict::TooHigh => {}
                    Verdict::NoStep => return Ok(self.lost()),
                }
            } else {
                self.events.non_finite += 1;
            }
            rate *= c_minus;
        }
        self.events.gave_up += 1;
        self.ended = resumed(line, rate);
        Ok(0.0)
    }

    fn needs(&self) -> Needs {
        Needs { descent: true, ..Needs::default() }
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        let kept = [("last", self.last), ("ended", self.ended)];
        let there = kept.into_iter().filter_map(|(name, rate)| Some((name, rate?)));
        there.fold(self.events.state(), |state, (name, rate)| state.with_scalar(name, rate))
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("armijo");
        self.events = Events::read(&mut reader)?;
        // Not kept by earlier versions.
        self.last = reader.optional_scalar("last");
        self.ended = reader.optional_scalar("ended");
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/armijo.rs"]
mod tests;
