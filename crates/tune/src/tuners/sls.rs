use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::linesearch::{Decrease, Verdict, resumed};
use super::make::Make;
use crate::bounds::{Bounds, CAP, DECREASE, IN_RANGE, POSITIVE, SHARE, from_one};
use crate::preset::{Preset, differs, preset};
use crate::{Error, Events, Line, Needs, Tuner};

/// The rate of a step whose search found nothing, as in the authors' code.
const GIVEN_UP: f64 = 1e-6;

/// Stochastic linesearch: the first rate with `f(w + eta u) <= f(w) + c eta g.u`, loss and gradient both of this batch,
/// among `min(eta_search growth^(1 / batches), cap)` and that times powers of `backtrack`, where eta_search is where
/// the search before ended.
///
/// The slow growth lets the rate rise by the factor `growth` in an epoch of `batches` steps.
///
/// - First step: `first` stands for eta_search, or `cap` where there is no `first`.
/// - Non-descent direction: counted. In full batch an optimizer with momentum forgets the directions before
///   ([`Optimizer::restart`](crate::Optimizer::restart)); where that does not help, and in mini-batches, rate 0, and where the
///   search stands is kept.
/// - A loss that equals that at w but for rounding: the slope there decides, `g(w + eta u).u <= (2c - 1) g.u`.
/// - Negative curvature: not looked at.
/// - A trial value that is not finite: rejected, counted.
/// - No rate found in 100 tries, or before the step is lost in the rounding of the parameters: rate 1e-6, counted as given
///   up. The next search starts as though this one had not been; in full batch one that ran out of tries goes on where it ended,
///   and after a step that was lost it starts at `cap`.
/// - Slope not finite: the line's error ends the run.
///
/// Cost: one loss a try, and a gradient where the loss equals that at w but for rounding.
///
/// Source: Vaswani et al. 2019, arXiv 1905.09997, algorithms 1 and 2 with reset option 2, and its constants (c = 0.1,
/// growth 2, backtracking by 0.9, at most 10). Differs from the paper: any update in the place of `-g`, the slope `g.u`
/// in the place of `-|g|^2`. Differs from the authors' code: there a search goes on where one without success ended, at a
/// 40,000th of its first rate, which takes many epochs of slow growth to make good.
#[derive(Debug, Clone)]
pub struct Sls {
    options: SlsOptions,
    search: f64,
    events: Events,
}

/// The settings of [`Sls`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlsOptions {
    /// Share of the linear decrease that is asked for, in [0, 1).
    pub c: f64,
    /// What a rejected rate is multiplied by, in (0, 1).
    pub backtrack: f64,
    /// Growth of the first try in an epoch, at least 1.
    pub growth: f64,
    /// Steps of an epoch.
    pub batches: u64,
    /// Where the first search starts from; `cap` if `None`.
    pub first: Option<f64>,
    /// Largest rate, infinite for none.
    pub cap: f64,
}

const TRIES: u64 = 100;

/// A growth in an epoch.
const GROWTH: Bounds = Bounds::new("a finite number, 1 or more", |x| x >= 1.0 && x.is_finite());

impl Sls {
    /// With these settings.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(options: SlsOptions) -> Result<Self, SettingError> {
        let SlsOptions { c, backtrack, growth, batches, first, cap } = options;
        DECREASE.check("sls", "c", c)?;
        SHARE.check("sls", "backtrack", backtrack)?;
        GROWTH.check("sls", "growth", growth)?;
        from_one("sls", "batches", batches)?;
        CAP.check("sls", "cap", cap)?;
        let search = match first {
            Some(first) => POSITIVE.check("sls", "first", first)?,
            // Without either there is nothing to start from.
            None => POSITIVE.check("sls", "cap", cap)?,
        };
        Ok(Self { options, search, events: Events::default() })
    }

    /// The defaults of the authors' `Sls`: the paper's constants with 500 steps an epoch, from 1 on and without a cap.
    pub fn package() -> Self {
        let (first, cap) = (Some(1.0), f64::INFINITY);
        Self::new(SlsOptions { c: 0.1, backtrack: 0.9, growth: 2.0, batches: 500, first, cap }).expect(IN_RANGE)
    }

    /// The paper's constants with `batches` steps an epoch, 1 or more.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn paper(batches: u64) -> Result<Self, SettingError> {
        Self::new(SlsOptions { c: 0.1, backtrack: 0.9, growth: 2.0, batches, first: None, cap: 10.0 })
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        // It has no formula of its own, only defaults.
        Preset::from_settings(settings)?;
        Self::new(SlsOptions {
            c: settings.number("c"),
            backtrack: settings.number("backtrack"),
            growth: settings.number("growth"),
            batches: settings.count("batches")? as u64,
            first: settings.optional_number("first"),
            cap: settings.number("cap"),
        })
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "sls",
    summary: "stochastic linesearch",
    doc: "The first eta among min(eta_search growth^(1/batches), cap) times powers of backtrack with f(w + eta u) <= \
          f(w) + c eta g.u on this batch; where the two losses are equal but for rounding, with g(w + eta u).u <= (2c - 1) g.u. \
          Where the update leads uphill, momentum and Adam start anew from this gradient in full batch; in mini-batches, and for \
          other optimizers, the rate is 0. A search without success gives rate 1e-6, and the next one starts as after the last \
          one that found a rate, or where it ran out of tries in full batch. All are counted. For mini-batches, with gradient \
          descent: set batches to the steps of an epoch. The preset `package` has the defaults of the authors' Sls, which caps no rate by the \
          Armijo condition. Source: Vaswani et al. 2019, arXiv 1905.09997; Hager and Zhang 2005, equation 4.1.",
    settings: &[
        preset("whose defaults: `package`, those of the authors' code, or `paper`"),
        setting("c", Kind::Number, Default::Is("0.1"), "share of the linear decrease asked for, in [0, 1)"),
        setting("backtrack", Kind::Number, Default::Is("0.9"), "what a rejected rate is multiplied by, in (0, 1)"),
        setting("growth", Kind::Number, Default::Is("2.0"), "growth of the first try in an epoch"),
        setting(
            "batches",
            Kind::Integer,
            differs(&[("package", "500"), ("paper", "1")]),
            "steps of an epoch; 1 for the full batch",
        ),
        setting(
            "first",
            Kind::Number,
            differs(&[("package", "1.0")]),
            "where the first search starts from; the cap if absent",
        ),
        setting("cap", Kind::Number, differs(&[("package", "inf"), ("paper", "10.0")]), "largest rate"),
    ],
    build: |settings| Ok(Box::new(Sls::from_settings(settings)?)),
};

impl Tuner for Sls {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let SlsOptions { c, backtrack, growth, batches, cap, .. } = self.options;
        let slope = line.slope()?;
        self.events.non_descent += u64::from(slope >= 0.0 || line.restarted());
        if slope >= 0.0 {
            return Ok(0.0);
        }
        let decrease = Decrease { allowed: line.loss(), share: c, slope };
        let before = self.search;
        self.search = (self.search * growth.powf(1.0 / batches as f64)).min(cap);
        for _ in 0..TRIES {
            let value = line.value(self.search)?;
            if value.is_finite() {
                match decrease.judge(line, self.search, value)? {
                    Verdict::Enough => return Ok(self.search),
                    Verdict::TooHigh => {}
                    Verdict::NoStep => {
                        self.events.gave_up += 1;
                        // From where it was it would end here again.
                        self.search = self.options.first.unwrap_or(cap).max(1.0).min(cap);
                        return Ok(GIVEN_UP);
                    }
                }
            } else {
                self.events.non_finite += 1;
            }
            self.search *= backtrack;
        }
        self.events.gave_up += 1;
        self.search = resumed(line, self.search).unwrap_or(before);
        Ok(GIVEN_UP)
    }

    fn needs(&self) -> Needs {
        Needs { descent: true, ..Needs::default() }
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state().with_scalar("search", self.search)
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("sls");
        self.events = Events::read(&mut reader)?;
        self.search = reader.scalar("search")?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/sls.rs"]
mod tests;
