use onedge_objective::State;
use onedge_registry::{Default, Entry, Error as SettingError, Kind, Settings, setting};

use super::make::Make;
use super::parts::{PARTS, Parts};
use super::quadratic::{cut, denominator, numerator, quotient};
use super::sigma::{self, Sigma};
use crate::bounds::{CAP, DECAY_RATE, FROM_ZERO, IN_RANGE, from_one};
use crate::{Error, Events, Line, Needs, Tuner};

/// Curvature dynamics aware tuning: `eta = sigma n / d` with `n = max(-g.u, 0)` and `d = |u.Hu| + eps`, each replaced
/// by its exponential average `beta nbar + (1 - beta) n` from zero.
///
/// Both averages start at zero, so the bias cancels in the ratio. Sigma 1 is greedy, 2 on edge; around 2 works best in
/// full batch. Averages serve Adam, and mini-batches. Sigma may rise or fall along the run, and follow batch size and
/// momentum: see [`Sigma`].
///
/// **Curvature every k steps.** With `every` = k the curvature is measured at steps 0, k, 2k and so on, and before any
/// was non-zero. In between `|u.Hu|` is estimated as `|u|^2 C / U`: C and U are averages with decay beta, from zero, of
/// `|u.Hu|` and `|u|^2` over the steps that measured, so `C / U` is the curvature along a unit vector, as it was last
/// known. Slope and `|u|` are always those of this step, and n and d are averaged at every step, whether d was measured
/// or estimated. With k = 1 nothing is estimated. Measured alone, a step costs C.curvature / k more than its gradient.
///
/// **Curvature of a part of the batch.** With `curvature_parts` = p it is measured on one of p equal parts, each in its turn, for
/// C.curvature / p. The slope is always that of the whole batch: it is known anyway, and that of a part strays far more, as
/// the slopes of examples cancel in the mean, the more so the further a run is, and their curvatures do not. As `1 / d` is larger in
/// the mean than `1 / mean d`, rates are larger, by about the square of the relative deviation of d. Parts are consecutive, so
/// where there are no mini-batches the examples should lie in random order (a run of a spec sees to it).
///
/// - Non-descent direction: n = 0, counted; so the rate is 0 without averaging, and falls with it.
/// - Negative curvature: its absolute value, counted.
/// - Vanishing d: the previous rate, or 0 at the first step, counted.
/// - A rate above the cap: the cap, counted.
/// - Slope or curvature not finite: the line's error ends the run.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, equations 6 to 8. Differs from the paper: the cap, the schedule of
/// sigma, `every` and `curvature_parts`, all off by default.
///
/// # Example
/// Five steps on a loss given as a closure, each with the rate that slope and curvature say:
/// ```
/// use onedge_objective::FnObjective;
/// use onedge_spectrum::Lanczos;
/// use onedge_tune::{Trainer, optimizers::Gd, tuners::Cdat};
///
/// let mut bowl = FnObjective::of_loss(2, |w| 2.0 * w[0] * w[0] + 0.5 * w[1] * w[1])?;
/// let (optimizer, tuner) = (Box::new(Gd::paper()), Box::new(Cdat::recommended()));
/// let mut trainer = Trainer::<f64>::new(2, optimizer, tuner, Lanczos::top(1, 0))?;
/// let mut w = [1.0, -1.0];
/// let losses: Vec<f64> = (0..5).map(|_| trainer.step(&mut bowl, &mut w).map(|step| step.loss)).collect::<Result<_, _>>()?;
/// assert!(losses[4] < losses[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cdat {
    sigma: Sigma,
    eps: f64,
    beta: f64,
    cap: f64,
    every: u64,
    parts: Parts,
    numerator: f64,
    denominator: f64,
    /// Averages of `|u.Hu|` and `|u|^2` over the steps that measured.
    curvature: f64,
    square: f64,
    events: Events,
}

impl Cdat {
    /// With a positive `sigma`, `eps` 0 or more, `beta` in [0, 1) and a `cap` on the rate (infinite for none).
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(sigma: f64, eps: f64, beta: f64, cap: f64) -> Result<Self, SettingError> {
        let (eps, beta) = (FROM_ZERO.check("cdat", "eps", eps)?, DECAY_RATE.check("cdat", "beta", beta)?);
        let (sigma, cap) = (Sigma::constant(sigma)?, CAP.check("cdat", "cap", cap)?);
        let (every, parts, events) = (1, Parts::ONE, Events::default());
        let (numerator, denominator, curvature, square) = (0.0, 0.0, 0.0, 0.0);
        Ok(Self { sigma, eps, beta, cap, every, parts, numerator, denominator, curvature, square, events })
    }

    /// With this sigma instead.
    pub fn with_sigma(self, sigma: Sigma) -> Self {
        Self { sigma, ..self }
    }

    /// With the curvature measured every `every` steps, at least 1.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn measuring_every(self, every: u64) -> Result<Self, SettingError> {
        Ok(Self { every: from_one("cdat", "every", every)?, ..self })
    }

    /// With the curvature of one of `parts` equal parts of the batch, 1 or more.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn measuring_parts(self, parts: usize) -> Result<Self, SettingError> {
        Ok(Self { parts: Parts::new("cdat", parts)?, ..self })
    }

    /// Sigma 2, eps 0, no averaging, no cap.
    pub fn paper() -> Self {
        Self::new(2.0, 0.0, 0.0, f64::INFINITY).expect(IN_RANGE)
    }

    /// The same with averages of decay 0.9, as the paper uses with Adam.
    pub fn paper_ema() -> Self {
        Self::new(2.0, 0.0, 0.9, f64::INFINITY).expect(IN_RANGE)
    }

    /// Sigma 1.4 with averages of decay 0.9: what to begin with in mini-batches.
    ///
    /// Why: on an MLP and a ConvNet with gradient descent it ended within 8 % of the best of all sigmas and averages at batch sizes from 64 to
    /// 4096 (`docs/MEASURED.md`). With momentum and Adam and batches of 64 (the digits, MLP 64-64, three seeds) sigma 2 without averages
    /// diverged and this setting did not. Other optimizers and problems were not measured. In full batch with gradient descent
    /// [`paper`](Self::paper) ends lower: 0.028 against 0.057 after 300 steps on the digits.
    pub fn recommended() -> Self {
        Self::new(1.4, 0.0, 0.9, f64::INFINITY).expect(IN_RANGE)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let number = |key| settings.number(key);
        let cdat = Self::new(number("sigma"), number("eps"), number("beta"), number("cap"))?;
        let parts = Parts::from_settings("cdat", settings)?;
        let cdat = cdat.with_sigma(Sigma::from_settings(settings)?).measuring_every(settings.count("every")? as u64)?;
        Ok(Self { parts, ..cdat })
    }

    /// `|u.Hu| + eps`, measured or estimated.
    fn denominator(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        if self.every == 1 {
            return Ok(denominator(self.parts, line, &mut self.events)? + self.eps);
        }
        let square = line.update_norm()?.powi(2);
        if !line.step().is_multiple_of(self.every) && self.square > 0.0 {
            return Ok(square * (self.curvature / self.square) + self.eps);
        }
        let curvature = denominator(self.parts, line, &mut self.events)?;
        self.curvature = self.beta * self.curvature + (1.0 - self.beta) * curvature;
        self.square = self.beta * self.square + (1.0 - self.beta) * square;
        Ok(curvature + self.eps)
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "cdat",
    summary: "curvature dynamics aware tuning, on the edge of stability",
    doc: "eta = sigma n / d, n = max(-g.u, 0), d = |u.Hu| + eps, each averaged with decay beta. A non-descent \
          direction gives n = 0, a negative curvature its absolute value, a vanishing d the previous rate; all are \
          counted. Sigma goes from sigma_start to sigma in sigma_steps; with batch and noise it is taken times batch \
          / (batch + (1 - momentum) noise), a formula of this project's own. Between measurements of u.Hu, every so \
          many steps, the last averages of it over |u|^2 stand in. With curvature_parts it is that of a part of the batch, each \
          in its turn, for that part of its cost; the slope stays that of all, which is known, as slopes of parts stray far \
          more. Source: Roulet et al. 2024, arXiv 2407.06183.",
    settings: &[
        setting("sigma", Kind::Number, Default::Is("2.0"), "scaling: 1 greedy, 2 on edge"),
        setting("eps", Kind::Number, Default::Is("0.0"), "added to the curvature"),
        setting("beta", Kind::Number, Default::Is("0.0"), "decay of the averages, in [0, 1)"),
        setting("cap", Kind::Number, Default::Is("inf"), "largest rate"),
        setting("every", Kind::Integer, Default::Is("1"), "steps between measurements of the curvature"),
        PARTS,
        sigma::START,
        sigma::STEPS,
        sigma::BATCH,
        sigma::NOISE,
        sigma::MOMENTUM,
    ],
    build: |settings| Ok(Box::new(Cdat::from_settings(settings)?)),
};

impl Tuner for Cdat {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let numerator = numerator(line, &mut self.events)?;
        let denominator = self.denominator(line)?;
        self.numerator = self.beta * self.numerator + (1.0 - self.beta) * numerator;
        self.denominator = self.beta * self.denominator + (1.0 - self.beta) * denominator;
        let rate = quotient(self.sigma.at(line.step()) * self.numerator, self.denominator, line, &mut self.events);
        Ok(cut(rate, self.cap, &mut self.events))
    }

    fn needs(&self) -> Needs {
        self.parts.needs()
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        let state = self.events.state().with_scalar("numerator", self.numerator);
        let state = state.with_scalar("denominator", self.denominator);
        state.with_scalar("curvature", self.curvature).with_scalar("square", self.square)
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("cdat");
        self.events = Events::read(&mut reader)?;
        self.numerator = reader.scalar("numerator")?;
        self.denominator = reader.scalar("denominator")?;
        self.curvature = reader.scalar("curvature")?;
        self.square = reader.scalar("square")?;
        Ok(reader.finish()?)
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
        let mut cdat = Cdat::new(2.0, 0.5, 0.75, f64::INFINITY).unwrap();
        // n = 3/4, d = (3.5 + 0.5)/4; then n = 9/16 + 5/4 = 29/16, d = 3/4 + 2/4; then n = 87/64, d = 15/16 + 1/8
        assert!((cdat.learning_rate(&mut Fixed::new(-3.0, 3.5)).unwrap() - 1.5).abs() < 1e-15);
        assert!((cdat.learning_rate(&mut Fixed::new(-5.0, 1.5)).unwrap() - 2.9).abs() < 1e-15);
        assert!((cdat.learning_rate(&mut Fixed::new(1.0, 0.0)).unwrap() - 174.0 / 68.0).abs() < 1e-15);
    }

    #[test]
    fn measures_every_so_many_steps() {
        let mut cdat = Cdat::new(2.0, 0.5, 0.5, f64::INFINITY).unwrap().measuring_every(2).unwrap();
        let mut ask = |step, slope, curvature, update_norm| {
            let mut line = Fixed { step, update_norm, ..Fixed::new(slope, curvature) };
            cdat.learning_rate(&mut line).unwrap()
        };
        // n = 1/2 and d = (7.5 + 0.5) / 2 = 4; C = 7.5 / 2 and U = 4 / 2.
        assert_eq!(ask(0, -1.0, 7.5, 2.0), 0.25);
        // Not measured: 1 * 3.75 / 2 + 0.5 = 2.375; n = 1/4 + 3/2, d = 2 + 1.1875.
        assert_eq!(ask(1, -3.0, f64::NAN, 1.0), 3.5 / 3.1875);
        // Measured: n = 1.75 / 2 + 1/2 = 1.375, d = 1.59375 + (3.5 + 0.5) / 2; C = 3.625 and U = 1 + 1/2.
        assert_eq!(ask(2, -1.0, 3.5, 1.0), 2.75 / 3.59375);
        // 36 * 3.625 / 1.5 + 0.5 = 87.5; n = 0.6875 + 1, d = 1.796875 + 43.75.
        assert!((ask(3, -2.0, f64::NAN, 6.0) - 3.375 / 45.546875).abs() < 1e-15);
    }

    #[test]
    fn follows_sigma() {
        let mut cdat = Cdat::paper().with_sigma(Sigma::constant(2.0).unwrap().starting_at(1.0, 2).unwrap());
        let rates = [0, 1, 2, 3].map(|step| {
            let mut line = Fixed { step, ..Fixed::new(-3.0, 6.0) };
            cdat.learning_rate(&mut line).unwrap()
        });
        assert_eq!(rates, [0.5, 0.75, 1.0, 1.0]);
    }

    #[test]
    fn caps() {
        let mut cdat = Cdat::new(2.0, 0.0, 0.0, 1.0).unwrap();
        assert_eq!(cdat.learning_rate(&mut Fixed::new(-3.0, 4.0)).unwrap(), 1.0);
        assert_eq!(cdat.events().capped, 1);
    }
}
