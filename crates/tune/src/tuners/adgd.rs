use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use crate::bounds::{IN_RANGE, RATE};
use crate::{Change, Error, Events, Line, Needs, Tuner};

/// Adaptive gradient descent without descent: the rate follows the inverse of the local Lipschitz constant
/// `L = |y| / |s|`, where s and y are the changes of parameters and gradient over the last step, and grows by no more
/// than the last growth `theta_t = eta_t / eta_(t-1)` allows.
///
/// ```text
/// 2019: eta_t = min( sqrt(1 + theta_(t-1)) eta_(t-1),  1 / (2 L) )
/// 2023: eta_t = min( sqrt(2/3 + theta_(t-1)) eta_(t-1),  eta_(t-1) / sqrt(max(2 eta_(t-1)^2 L^2 - 1, 0)) )
/// ```
///
/// The first step has the rate `rate`, meant to be tiny: it is a probe. The second takes `1 / (2 L)` in the rule of
/// 2019, whose theta_0 is infinite, and `1 / (sqrt(2) L)` in that of 2023.
///
/// - Non-descent direction, negative curvature: not looked at; L is a norm and never negative.
/// - No step (a rate or an update of zero): L is unknown; the previous rate, counted as a vanishing denominator.
/// - No change of the gradient (L = 0): the growth alone bounds the rate; at the second step, where nothing does, the
///   previous rate, counted likewise.
/// - Gradient not finite: the step's error ends the run before the tuner is asked.
///
/// The theory is for `u = -g` in full batch, on convex losses. With another optimizer s is its step, and L is taken
/// along it. In mini-batches y holds the difference of two batches too, see [`Change`], and the rate dies within an
/// epoch; the authors' stochastic method takes both gradients on one batch, a gradient more a step, which is not
/// offered.
///
/// Cost: two dot products, and the previous gradient is kept.
///
/// Source: Malitsky and Mishchenko 2020, arXiv 1910.09529, algorithm 1; 2023, arXiv 2308.02261, algorithm 2. Differs
/// from the paper of 2023: it asks for a first rate with `eta_0 L_1` of at least `1 / sqrt(2)`, and here the rule
/// begins with exactly that once the probe has shown L, where its growth factor is 1.
#[derive(Debug, Clone)]
pub struct AdGd {
    rate: f64,
    year: Year,
    growth: f64,
    events: Events,
}

/// Which of the two rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Year {
    /// Smaller rates: `eta L` at most 1/2.
    Y2019,
    /// Larger rates: `eta L` up to 1 and beyond.
    Y2023,
}

impl AdGd {
    /// With the first, tiny rate `rate` and the rule of that year.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(rate: f64, year: Year) -> Result<Self, SettingError> {
        let rate = RATE.check("adgd", "rate", rate)?;
        Ok(Self { rate, year, growth: f64::INFINITY, events: Events::default() })
    }

    /// The rule of 2023 after a probe of 1e-6.
    pub fn paper() -> Self {
        Self::new(1e-6, Year::Y2023).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let year = match settings.count("year")? {
            2019 => Year::Y2019,
            2023 => Year::Y2023,
            _ => return Err(settings.out_of_range("year", "2019 or 2023")),
        };
        Self::new(settings.number("rate"), year)
    }

    fn next(&mut self, previous: f64, change: &Change) -> f64 {
        if previous == 0.0 || change.step_square == 0.0 {
            self.events.vanishing_denominator += 1;
            return previous;
        }
        let lipschitz = (change.gradient_square / change.step_square).sqrt();
        let first = self.growth.is_infinite();
        let (grown, bound) = match self.year {
            Year::Y2019 => ((1.0 + self.growth).sqrt() * previous, 0.5 / lipschitz),
            Year::Y2023 if first => (f64::INFINITY, 0.5_f64.sqrt() / lipschitz),
            Year::Y2023 => {
                let excess = (2.0 * (previous * lipschitz).powi(2) - 1.0).max(0.0);
                ((2.0 / 3.0 + self.growth).sqrt() * previous, previous / excess.sqrt())
            }
        };
        let rate = grown.min(bound);
        if !rate.is_finite() {
            self.events.vanishing_denominator += 1;
            return previous;
        }
        // The probe is no rate of the rule of 2023, so what follows it is no growth: 1/3 makes the next factor 1.
        self.growth = if first && self.year == Year::Y2023 { 1.0 / 3.0 } else { rate / previous };
        rate
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "adgd",
    summary: "adaptive gradient descent, from the change of the gradient",
    doc: "With L = |y| / |s| from the last step: eta = min(sqrt(1 + theta) eta_previous, 1 / (2 L)) (2019), or \
          min(sqrt(2/3 + theta) eta_previous, eta_previous / sqrt(max(2 eta_previous^2 L^2 - 1, 0))) (2023), theta the \
          last growth of eta. Where L is unknown the previous rate, counted. For the full batch. Source: Malitsky and \
          Mishchenko, arXiv 1910.09529 and 2308.02261.",
    settings: &[
        setting("rate", Kind::Number, Default::Is("1e-6"), "the first rate, a probe"),
        setting("year", Kind::Integer, Default::Is("2023"), "which rule: 2019 or 2023, which takes longer steps"),
    ],
    build: |settings| Ok(Box::new(AdGd::from_settings(settings)?)),
};

impl Tuner for AdGd {
    fn needs(&self) -> Needs {
        Needs { previous_gradient: true, ..Needs::default() }
    }

    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let (Some(previous), Some(change)) = (line.previous_learning_rate(), line.change()?) else {
            return Ok(self.rate);
        };
        Ok(self.next(previous, &change))
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state().with_scalar("growth", self.growth)
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("adgd");
        self.events = Events::read(&mut reader)?;
        self.growth = reader.scalar("growth")?;
        Ok(reader.finish()?)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/adgd.rs"]
mod tests;
