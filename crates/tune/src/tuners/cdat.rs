use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::Make;
use super::quadratic::{cut, denominator, numerator, quotient};
use crate::{Error, Events, Line, State, Tuner};

/// Curvature dynamics aware tuning: `eta = sigma n / d` with `n = max(-g.u, 0)` and `d = |u.Hu| + eps`, each replaced
/// by its exponential average `beta nbar + (1 - beta) n` from zero.
///
/// Both averages start at zero, so the bias cancels in the ratio. Sigma 1 is greedy, 2 on edge; around 2 works best in
/// full batch. Averages serve Adam, and mini-batches.
///
/// - Non-descent direction: n = 0, counted; so the rate is 0 without averaging, and falls with it.
/// - Negative curvature: its absolute value, counted.
/// - Vanishing d: the previous rate, or 0 at the first step, counted.
/// - A rate above the cap: the cap, counted.
/// - Slope or curvature not finite: the line's error ends the run.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, equations 6 to 8. Differs from the paper: the cap (off by default).
#[derive(Debug, Clone)]
pub struct Cdat {
    sigma: f64,
    eps: f64,
    beta: f64,
    cap: f64,
    numerator: f64,
    denominator: f64,
    events: Events,
}

impl Cdat {
    /// With a positive `sigma`, `eps` 0 or more, `beta` in [0, 1) and a `cap` on the rate (infinite for none).
    pub fn new(sigma: f64, eps: f64, beta: f64, cap: f64) -> Self {
        Self { sigma, eps, beta, cap, numerator: 0.0, denominator: 0.0, events: Events::default() }
    }

    /// Sigma 2, eps 0, no averaging, no cap.
    pub fn paper() -> Self {
        Self::new(2.0, 0.0, 0.0, f64::INFINITY)
    }

    /// The same with averages of decay 0.9, as the paper uses with Adam.
    pub fn paper_ema() -> Self {
        Self::new(2.0, 0.0, 0.9, f64::INFINITY)
    }

    fn from_settings(settings: &Settings) -> Result<Self, RegistryError> {
        let sigma = settings.number_where("sigma", "a positive finite number", |x| x > 0.0 && x.is_finite())?;
        let eps = settings.number_where("eps", "a finite number, 0 or more", |x| x >= 0.0 && x.is_finite())?;
        let beta = settings.number_where("beta", "a number in [0, 1)", |x| (0.0..1.0).contains(&x))?;
        let cap = settings.number_where("cap", "a positive number, inf for none", |x| x > 0.0)?;
        Ok(Self::new(sigma, eps, beta, cap))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "cdat",
    summary: "curvature dynamics aware tuning, on the edge of stability",
    doc: "eta = sigma n / d, n = max(-g.u, 0), d = |u.Hu| + eps, each averaged with decay beta. A non-descent \
          direction gives n = 0, a negative curvature its absolute value, a vanishing d the previous rate; all are \
          counted. Source: Roulet et al. 2024, arXiv 2407.06183.",
    settings: &[
        setting("sigma", Kind::Number, Default::Is("2.0"), "scaling: 1 greedy, 2 on edge"),
        setting("eps", Kind::Number, Default::Is("0.0"), "added to the curvature"),
        setting("beta", Kind::Number, Default::Is("0.0"), "decay of the averages, in [0, 1)"),
        setting("cap", Kind::Number, Default::Is("inf"), "largest rate"),
    ],
    build: |settings| Ok(Box::new(Cdat::from_settings(settings)?)),
};

impl Tuner for Cdat {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let numerator = numerator(line, &mut self.events)?;
        let denominator = denominator(line, &mut self.events)? + self.eps;
        self.numerator = self.beta * self.numerator + (1.0 - self.beta) * numerator;
        self.denominator = self.beta * self.denominator + (1.0 - self.beta) * denominator;
        let rate = quotient(self.sigma * self.numerator, self.denominator, line, &mut self.events);
        Ok(cut(rate, self.cap, &mut self.events))
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state().with_scalar("numerator", self.numerator).with_scalar("denominator", self.denominator)
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("cdat");
        self.events = Events::read(&mut reader)?;
        self.numerator = reader.scalar("numerator")?;
        self.denominator = reader.scalar("denominator")?;
        reader.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuners::fixed::Fixed;

    #[test]
    fn by_hand() {
        let mut cdat = Cdat::paper();
        assert_eq!(cdat.learning_rate(&mut Fixed::new(-3.0, 4.0)).unwrap(), 1.5);
        assert_eq!(cdat.learning_rate(&mut Fixed::new(-3.0, -4.0)).unwrap(), 1.5);
        assert_eq!(cdat.learning_rate(&mut Fixed::new(3.0, 4.0)).unwrap(), 0.0);
        assert_eq!(cdat.learning_rate(&mut Fixed::new(-3.0, 0.0).after(0.2)).unwrap(), 0.2);
        let events = Events { non_descent: 1, negative_curvature: 1, vanishing_denominator: 1, ..Events::default() };
        assert_eq!(cdat.events(), &events);
    }

    #[test]
    fn averages_by_hand() {
        let mut cdat = Cdat::new(2.0, 0.5, 0.75, f64::INFINITY);
        // n = 3/4, d = (3.5 + 0.5)/4; then n = 9/16 + 5/4 = 29/16, d = 3/4 + 2/4; then n = 87/64, d = 15/16 + 1/8
        assert!((cdat.learning_rate(&mut Fixed::new(-3.0, 3.5)).unwrap() - 1.5).abs() < 1e-15);
        assert!((cdat.learning_rate(&mut Fixed::new(-5.0, 1.5)).unwrap() - 2.9).abs() < 1e-15);
        assert!((cdat.learning_rate(&mut Fixed::new(1.0, 0.0)).unwrap() - 174.0 / 68.0).abs() < 1e-15);
    }

    #[test]
    fn caps() {
        let mut cdat = Cdat::new(2.0, 0.0, 0.0, 1.0);
        assert_eq!(cdat.learning_rate(&mut Fixed::new(-3.0, 4.0)).unwrap(), 1.0);
        assert_eq!(cdat.events().capped, 1);
    }
}
