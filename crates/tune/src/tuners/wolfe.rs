use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, Value, setting};

use super::linesearch::{Decrease, Verdict, resumed};
use super::make::Make;
use crate::bounds::{IN_RANGE, POSITIVE, SHARE, from_one, refused};
use crate::{Error, Events, Line, Needs, Tuner};

/// A linesearch for the strong Wolfe conditions: with `phi(eta) = f(w + eta u)`,
/// `phi(eta) <= phi(0) + c1 eta phi'(0)` and `|phi'(eta)| <= c2 |phi'(0)|`.
///
/// The rate doubles until an interval surely holds such a rate, which is then narrowed down at the minimum of the
/// parabola through both values and the slope at the better end, kept a tenth of the interval away from both ends.
///
/// - First step: starts at `first`. Later at the rate that promises the decrease of the step before to first order,
///   `eta_previous slope_previous / slope`, at most the cap. A step of rate 0 counts as none here.
/// - Non-descent direction: counted. In full batch an optimizer with momentum forgets the directions before
///   ([`Optimizer::restart`](crate::Optimizer::restart)); where that does not help, and in mini-batches, rate 0.
/// - A loss that equals that at w but for rounding: the slope there decides, `phi'(eta) <= (2 c1 - 1) phi'(0)`, the approximate
///   Wolfe condition.
/// - Negative curvature: not looked at; the search goes on until the slope flattens or the cap is reached.
/// - A trial that is not finite: taken as too long, counted.
/// - A rate at the cap that decreases the loss enough, while the slope still falls: the cap, counted.
/// - More than `max_tries` values: or a step that is lost in the rounding of the parameters: the best rate so far that
///   decreases the loss enough, or 0; counted as given up. In full batch a search that ran out of tries without a step goes
///   on at the next step from the shortest rate that it tried. After a step that was lost the next search starts at `first`, as
///   does one whose first try is lost.
/// - Slope here not finite: the line's error ends the run.
///
/// Cost: one loss a try, and a gradient for each that decreases the loss enough. The objective must be linearised at w
/// again if curvature or sharpness is asked afterwards, see [`Line::trial`].
///
/// Source: Nocedal and Wright, Numerical Optimization, 2nd edition 2006, algorithms 3.5 and 3.6, equations 3.58 and
/// 3.60; Hager and Zhang 2005, equation 4.1, for losses that are equal but for rounding.
#[derive(Debug, Clone)]
pub struct Wolfe {
    options: WolfeOptions,
    decrease: f64,
    /// Where the search before ran out of tries without a step, if the next one goes on there.
    ended: Option<f64>,
    events: Events,
}

/// The settings of [`Wolfe`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WolfeOptions {
    /// Share of the linear decrease that is asked for, in (0, c2).
    pub c1: f64,
    /// What may be left of the slope, in (c1, 1).
    pub c2: f64,
    /// First rate tried at the first step.
    pub first: f64,
    /// Largest rate.
    pub cap: f64,
    /// Values at most.
    pub max_tries: u64,
}

/// A rate with the loss and the slope there.
#[derive(Debug, Clone, Copy)]
struct Point {
    rate: f64,
    value: f64,
    slope: f64,
}

impl Wolfe {
    /// With these settings.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(options: WolfeOptions) -> Result<Self, SettingError> {
        let WolfeOptions { c1, c2, first, cap, max_tries } = options;
        SHARE.check("wolfe", "c1", c1)?;
        SHARE.check("wolfe", "c2", c2)?;
        if c1 >= c2 {
            return Err(refused("wolfe", "c1", "a number less than c2", Value::Number(c1)));
        }
        POSITIVE.check("wolfe", "first", first)?;
        POSITIVE.check("wolfe", "cap", cap)?;
        from_one("wolfe", "max_tries", max_tries)?;
        Ok(Self { options, decrease: 0.0, ended: None, events: Events::default() })
    }

    /// c1 = 1e-4, c2 = 0.9, as the book has it for quasi-Newton directions; from 1, at most 1e6, 25 tries.
    pub fn paper() -> Self {
        Self::new(WolfeOptions { c1: 1e-4, c2: 0.9, first: 1.0, cap: 1e6, max_tries: 25 }).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        let (c1, c2, first, cap) = (number("c1"), number("c2"), number("first"), number("cap"));
        Self::new(WolfeOptions { c1, c2, first, cap, max_tries: settings.count("max_tries")? as u64 })
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "wolfe",
    summary: "linesearch for the strong Wolfe conditions",
    doc: "A rate with f(w + eta u) <= f(w) + c1 eta g.u and |g(w + eta u).u| <= c2 |g.u|, by bracketing and zooming; \
          where the two losses are equal but for rounding, g(w + eta u).u <= (2 c1 - 1) g.u takes the place of the first. Where the \
          update leads uphill, momentum and Adam start anew from this gradient in full batch; in mini-batches, and for other \
          optimizers, the rate is 0. A search without success gives the best rate so far, or 0; the next one then starts at the \
          shortest rate tried, in full batch. All are counted. For smooth losses on the full batch. Source: Nocedal and \
          Wright 2006, algorithms 3.5 and 3.6; Hager and Zhang 2005, equation 4.1.",
    settings: &[
        setting("c1", Kind::Number, Default::Is("1e-4"), "share of the linear decrease asked for, less than c2"),
        setting("c2", Kind::Number, Default::Is("0.9"), "share of the slope that may be left, less than 1"),
        setting("first", Kind::Number, Default::Is("1.0"), "first rate tried at the first step"),
        setting("cap", Kind::Number, Default::Is("1e6"), "largest rate"),
        setting("max_tries", Kind::Integer, Default::Is("25"), "values at most"),
    ],
    build: |settings| Ok(Box::new(Wolfe::from_settings(settings)?)),
};

/// One search under way.
struct Search<'a> {
    options: WolfeOptions,
    line: &'a mut dyn Line,
    events: &'a mut Events,
    start: Point,
    tries: u64,
    /// The shortest rate tried.
    shortest: f64,
    /// Whether the last step tried was lost in the rounding of the parameters.
    is_lost: bool,
}

impl Search<'_> {
    /// The loss at `rate`, if it decreases enough and below `better`; what is not finite does not.
    fn decreases(&mut self, rate: f64, better: f64) -> Result<(f64, bool), Error> {
        self.tries += 1;
        self.shortest = self.shortest.min(rate);
        let value = self.line.value(rate)?;
        if !value.is_finite() {
            self.events.non_finite += 1;
        }
        if !value.is_finite() {
            return Ok((value, false));
        }
        let start = self.start;
        let decrease = Decrease { allowed: start.value, share: self.options.c1, slope: start.slope };
        let verdict = decrease.judge(self.line, rate, value)?;
        self.is_lost = verdict == Verdict::NoStep;
        // Among losses that are equal but for rounding none is the lower one.
        let level = value >= start.value + self.options.c1 * rate * start.slope;
        Ok((value, verdict == Verdict::Enough && (level || value < better)))
    }

    /// The slope at `rate`. One that is not finite counts as rising without bound: the rate is too long.
    fn slope(&mut self, rate: f64) -> Result<f64, Error> {
        let slope = self.line.trial(rate)?.slope;
        if slope.is_finite() {
            return Ok(slope);
        }
        self.events.non_finite += 1;
        Ok(f64::INFINITY)
    }

    fn flat(&self, slope: f64) -> bool {
        slope.abs() <= -self.options.c2 * self.start.slope
    }

    /// Algorithm 3.5: longer and longer rates, until an interval surely holds one that will do.
    fn bracket(&mut self, first: f64) -> Result<f64, Error> {
        let mut before = self.start;
        let mut rate = first.min(self.options.cap);
        while self.tries < self.options.max_tries {
            let better = if before.rate > 0.0 { before.value } else { f64::INFINITY };
            let (value, enough) = self.decreases(rate, better)?;
            if self.is_lost && rate < self.options.cap {
                rate = (16.0 * rate).max(self.options.first).min(self.options.cap);
                continue;
            }
            if !enough {
                return self.zoom(before, rate, value);
            }
            let here = Point { rate, value, slope: self.slope(rate)? };
            if self.flat(here.slope) {
                return Ok(rate);
            }
            if here.slope == f64::INFINITY {
                return self.zoom(before, rate, f64::INFINITY);
            }
            if here.slope >= 0.0 {
                return self.zoom(here, before.rate, before.value);
            }
            if rate >= self.options.cap {
                self.events.capped += 1;
                return Ok(rate);
            }
            before = here;
            rate = (2.0 * rate).min(self.options.cap);
        }
        self.events.gave_up += 1;
        Ok(before.rate)
    }

    /// Algorithm 3.6: `low` is the end that decreases the loss most, its slope points to the other end.
    fn zoom(&mut self, mut low: Point, mut high: f64, mut high_value: f64) -> Result<f64, Error> {
        while self.tries < self.options.max_tries {
            let rate = between(low, high, high_value);
            if rate == low.rate || rate == high {
                break;
            }
            let (value, enough) = self.decreases(rate, low.value)?;
            if self.is_lost {
                break;
            }
            if !enough {
                (high, high_value) = (rate, value);
                continue;
            }
            let slope = self.slope(rate)?;
            if self.flat(slope) {
                return Ok(rate);
            }
            if slope == f64::INFINITY {
                (high, high_value) = (rate, f64::INFINITY);
                continue;
            }
            if slope * (high - low.rate) >= 0.0 {
                (high, high_value) = (low.rate, low.value);
            }
            low = Point { rate, value, slope };
        }
        self.events.gave_up += 1;
        Ok(low.rate)
    }
}

/// The minimum of the parabola through both values and the slope at `low`, a tenth of the interval or more from its
/// ends; the middle where there is none.
fn between(low: Point, high: f64, high_value: f64) -> f64 {
    let width = high - low.rate;
    let bend = high_value - low.value - low.slope * width;
    let share = -0.5 * low.slope * width / bend;
    let share = if bend > 0.0 && share.is_finite() && high_value.is_finite() { share.clamp(0.1, 0.9) } else { 0.5 };
    low.rate + share * width
}

impl Tuner for Wolfe {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let slope = line.slope()?;
        self.events.non_descent += u64::from(slope >= 0.0 || line.restarted());
        if slope >= 0.0 {
            return Ok(0.0);
        }
        let promised = self.decrease / slope;
        let usual = if promised > 0.0 && promised.is_finite() { promised } else { self.options.first };
        let first = self.ended.take().unwrap_or(usual);
        let start = Point { rate: 0.0, value: line.loss(), slope };
        let (options, events) = (self.options, &mut self.events);
        let mut search = Search { options, line, events, start, tries: 0, shortest: first, is_lost: false };
        let rate = search.bracket(first)?;
        let (shortest, is_lost) = (search.shortest, search.is_lost);
        if rate > 0.0 {
            self.decrease = rate * slope;
        } else {
            // What a step too short to be one promises is nothing to begin with.
            self.decrease = if is_lost { 0.0 } else { self.decrease };
            self.ended = resumed(line, shortest).filter(|_| !is_lost);
        }
        Ok(rate)
    }

    fn needs(&self) -> Needs {
        Needs { descent: true, ..Needs::default() }
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        let state = self.events.state().with_scalar("decrease", self.decrease);
        self.ended.iter().fold(state, |state, ended| state.with_scalar("ended", *ended))
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("wolfe");
        self.events = Events::read(&mut reader)?;
        self.decrease = reader.scalar("decrease")?;
        self.ended = reader.optional_scalar("ended");
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/wolfe.rs"]
mod tests;
