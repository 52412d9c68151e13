use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use crate::bounds::{Bounds, DECREASE, FROM_ZERO, IN_RANGE, SHARE, from_one};
use crate::{Error, Events, Line, Tuner};

/// A search without a limit on its tries ends here all the same.
const SMALLEST_RATE: f64 = 1e-30;

/// Armijo's backtracking linesearch: the first rate with `f(w + eta u) <= (1 + delta) f(w) + c eta g.u` among
/// `min(c_plus eta_previous, 1)` and that times powers of `c_minus`.
///
/// - First step, or a previous rate of 0: starts at 1.
/// - Non-descent direction: counted; the condition is tried as it stands, and holds at the latest where the change of
///   the loss is lost in rounding.
/// - Negative curvature: not looked at.
/// - A trial value that is not finite: rejected, counted.
/// - No rate found in `max_tries` tries or above 1e-30: rate 0, counted as given up.
/// - Slope not finite: the line's error ends the run.
///
/// Cost: one loss a try.
///
/// Source: Armijo 1966; Roulet et al. 2024, arXiv 2407.06183, section 2 and appendix on experiments. Differs from the
/// paper: the bound 1e-30 on a search that the paper leaves without one, and the rate 0 after giving up.
#[derive(Debug, Clone)]
pub struct Armijo {
    options: ArmijoOptions,
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
    /// Tries at most; `None` for no limit.
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
        Ok(Self { options, events: Events::default() })
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

    fn first_rate(&self, previous: Option<f64>) -> f64 {
        match previous {
            Some(previous) if previous > 0.0 => (self.options.c_plus * previous).min(1.0),
            _ => 1.0,
        }
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "armijo",
    summary: "backtracking linesearch",
    doc: "The first eta among min(c_plus eta_previous, 1) times powers of c_minus with \
          f(w + eta u) <= (1 + delta) f(w) + c eta g.u. A trial value that is not finite is rejected; where nothing \
          holds the rate is 0; both are counted. Source: Armijo 1966; Roulet et al. 2024, arXiv 2407.06183.",
    settings: &[
        setting("c", Kind::Number, Default::Is("1e-4"), "share of the linear decrease asked for, in [0, 1)"),
        setting("c_plus", Kind::Number, Default::Is("4.0"), "first try over the last rate; inf starts at 1"),
        setting("c_minus", Kind::Number, Default::Is("0.8"), "what a rejected rate is multiplied by, in (0, 1)"),
        setting("delta", Kind::Number, Default::Is("0.0"), "relative increase of the loss allowed"),
        setting("max_tries", Kind::Integer, Default::Absent, "tries at most (30 in mini-batch); no limit if not set"),
    ],
    build: |settings| Ok(Box::new(Armijo::from_settings(settings)?)),
};

impl Tuner for Armijo {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let ArmijoOptions { c, c_minus, delta, max_tries, .. } = self.options;
        let slope = line.slope()?;
        if slope >= 0.0 {
            self.events.non_descent += 1;
        }
        let allowed = (1.0 + delta) * line.loss();
        let mut rate = self.first_rate(line.previous_learning_rate());
        let mut tries = 0;
        while rate >= SMALLEST_RATE && max_tries.is_none_or(|most| tries < most) {
            let value = line.value(rate)?;
            if !value.is_finite() {
                self.events.non_finite += 1;
            } else if value <= allowed + c * rate * slope {
                return Ok(rate);
            }
            rate *= c_minus;
            tries += 1;
        }
        self.events.gave_up += 1;
        Ok(0.0)
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("armijo");
        self.events = Events::read(&mut reader)?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuners::fixed::Fixed;

    fn armijo(c: f64, c_plus: f64, delta: f64, max_tries: Option<usize>) -> Armijo {
        Armijo::new(ArmijoOptions { c, c_plus, c_minus: 0.5, delta, max_tries }).unwrap()
    }

    #[test]
    fn by_hand() {
        // f(eta) = 1 - 4 eta + 16 eta^2 meets f <= 1 - 4 c eta for eta <= (1 - c) / 4.
        let line = || Fixed::new(-4.0, 32.0);
        assert_eq!(armijo(0.5, 4.0, 0.0, None).learning_rate(&mut line()).unwrap(), 0.125);
        assert_eq!(armijo(0.0, 4.0, 0.0, None).learning_rate(&mut line()).unwrap(), 0.25);
        // From min(4 * 0.05, 1): 0.2, 0.1; from an infinite multiple: 1, 0.5, 0.25, 0.125.
        assert_eq!(armijo(0.5, 4.0, 0.0, None).learning_rate(&mut line().after(0.05)).unwrap(), 0.1);
        assert_eq!(armijo(0.5, f64::INFINITY, 0.0, None).learning_rate(&mut line().after(0.05)).unwrap(), 0.125);
        // With delta = 8, f(0.5) = 3 is allowed and so is nothing longer.
        assert_eq!(armijo(0.0, 4.0, 8.0, None).learning_rate(&mut line()).unwrap(), 0.5);
    }

    #[test]
    fn gives_up() {
        let mut limited = armijo(0.5, 4.0, 0.0, Some(3));
        assert_eq!(limited.learning_rate(&mut Fixed::new(-4.0, 32.0)).unwrap(), 0.0);
        assert_eq!(limited.events().gave_up, 1);
        // After a rate of 0 it starts at 1 again.
        assert_eq!(limited.learning_rate(&mut Fixed::new(-4.0, 8.0).after(0.0)).unwrap(), 0.5);
        // With a loss of 0 no rounding hides the rise, so only the bound ends the search.
        let mut uphill = armijo(0.0, 4.0, 0.0, None);
        let mut line = Fixed { loss: 0.0, ..Fixed::new(4.0, 1e9) };
        assert_eq!(uphill.learning_rate(&mut line).unwrap(), 0.0);
        assert_eq!((uphill.events().gave_up, uphill.events().non_descent), (1, 1));
    }

    #[test]
    fn rejects_what_is_not_finite() {
        let mut tuner = armijo(0.5, 4.0, 0.0, None);
        // Beyond 0.3 the loss is NaN: 1 and 0.5 are rejected for that, 0.25 for its value.
        let mut line = Fixed { undefined_beyond: 0.3, ..Fixed::new(-4.0, 32.0) };
        assert_eq!(tuner.learning_rate(&mut line).unwrap(), 0.125);
        assert_eq!(tuner.events().non_finite, 2);
    }
}
