use onedge_objective::{Layer, Real, State, vector};
use onedge_registry::{Default, Entry, Error as SettingError, Kind, PRESET, Settings, Value, setting};

use super::checks::check_lengths;
use super::make::{Make, OptimizerResult};
use super::{adam, adamw, gd, momentum, nesterov, rmsprop};
use crate::bounds::{FROM_ZERO, IN_RANGE, POSITIVE};
use crate::preset::{Preset, differs, preset};
use crate::{Error, Optimizer};

/// The decays of the tuners that run side by side.
const BETAS: [f64; 6] = [0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
/// The optimizers that can be tuned, with their own settings at the defaults of the preset.
static BASES: [&Entry<Make>; 6] =
    [&gd::ENTRY, &momentum::ENTRY, &nesterov::ENTRY, &rmsprop::ENTRY, &adam::ENTRY, &adamw::ENTRY];

/// Mechanic: another optimizer's updates, all of them together scaled by a factor that is learnt from the gradients.
///
/// With D the sum of the base's updates at unit rate, S the sum of the six scales s_i, and b_i their decays,
///
/// ```text
/// h = D.(g + lambda S |g| w / |w|),  m_i <- max(b_i m_i, |h|),  v_i <- b_i^2 v_i + h^2
/// r_i <- max(0, b_i r_i - s_i h),  s_i <- (m_i init / 6 + r_i) / (sqrt(v_i) + eps)
/// D <- D + u_base,  w <- w_0 + S D
/// ```
///
/// That is [`Preset::Paper`], with init 1e-8. Unless asked otherwise it is what Optax's `contrib.mechanize` computes, which the
/// authors ran their experiments with and point to, with init 1e-6 and
///
/// ```text
/// D <- D S / (S + eps),  h = D.(g + lambda S |g| w / (|w| + eps)),  m_i <- max(b_i m_i, |h| + eps),  v_i as above
/// r_i <- b_i r_i - s_i min(max(h, -m_i), m_i),  s_i <- (m_i init / 6 + max(0, r_i)) / (sqrt(v_i) + eps)
/// ```
///
/// where h is cut by the m_i before it, and every s_i is init at first, so that the first step has the scale init. (Optax has not kept D but
/// computes it from w and S, which is the same but for rounding.)
///
/// With `Preset::Paper` the first step goes nowhere, as nothing is known yet.
///
/// The update is the whole way to the new w: to be used with the rate 1. Another rate goes that share of the way, while
/// D and the scales go on as though it had gone all. It scales its own updates, so it has no edge, and says no preconditioner.
///
/// Cost: two vectors besides the base's.
///
/// Source: Cutkosky, Defazio and Mehta 2023, arXiv 2306.00144, algorithm 1; `|h|` for h in m as in the authors' code.
pub struct Mechanic<T: Real> {
    preset: Preset,
    base: Box<dyn Optimizer<T>>,
    decay: f64,
    init: f64,
    eps: f64,
    scales: [Scale; 6],
    first: Vec<T>,
    sum: Vec<T>,
}

/// One of the tuners that run side by side.
#[derive(Debug, Clone, Copy, Default)]
struct Scale {
    s: f64,
    m: f64,
    v: f64,
    r: f64,
}

impl<T: Real> Mechanic<T> {
    /// Over `base`, with `decay` (lambda, 0 or more), `init` and `eps`, both positive.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn new(base: Box<dyn Optimizer<T>>, decay: f64, init: f64, eps: f64) -> Result<Self, SettingError> {
        let decay = FROM_ZERO.check("mechanic", "decay", decay)?;
        let (init, eps) = (POSITIVE.check("mechanic", "init", init)?, POSITIVE.check("mechanic", "eps", eps)?);
        let scales = [Scale { s: init, ..Scale::default() }; 6];
        Ok(Self { preset: Preset::Package, base, decay, init, eps, scales, first: Vec::new(), sum: Vec::new() })
    }

    /// By the formulas of Optax, which they are unless said, or of the paper. To be said before the first step.
    pub fn by(self, preset: Preset) -> Self {
        let s = match preset {
            Preset::Package => self.init,
            Preset::Paper => 0.0,
        };
        Self { preset, scales: [Scale { s, ..Scale::default() }; 6], ..self }
    }

    /// Optax's formulas; lambda 0.01, init 1e-6 and eps 1e-8.
    pub fn package(base: Box<dyn Optimizer<T>>) -> Self {
        Self::new(base, 0.01, 1e-6, 1e-8).expect(IN_RANGE)
    }

    /// The paper's formulas; lambda 0.01, init and eps 1e-8, as in the package mechanic-pytorch.
    pub fn paper(base: Box<dyn Optimizer<T>>) -> Self {
        Self::new(base, 0.01, 1e-8, 1e-8).expect(IN_RANGE).by(Preset::Paper)
    }

    fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let Some(entry) = BASES.iter().find(|entry| entry.name == settings.text("base")) else {
            let names: Vec<&str> = BASES.iter().map(|entry| entry.name).collect();
            return Err(settings.out_of_range("base", &format!("one of {}", names.join(", "))));
        };
        let preset = settings.text(PRESET).to_owned();
        let has_presets = entry.settings.iter().any(|setting| setting.key == PRESET);
        let given = has_presets.then(|| (PRESET.to_owned(), Value::Text(preset)));
        let base = entry.build.make(&Settings::resolve(entry, given.into_iter().collect())?)?;
        let mechanic = Self::new(base, settings.number("decay"), settings.number("init"), settings.number("eps"))?;
        Ok(mechanic.by(Preset::from_settings(settings)?))
    }

    fn scale(&self) -> f64 {
        self.scales.iter().map(|scale| scale.s).sum()
    }

    fn learn(&mut self, h: f64) {
        let (share, eps) = (self.init / BETAS.len() as f64, self.eps);
        for (Scale { s, m, v, r }, beta) in self.scales.iter_mut().zip(BETAS) {
            *v = beta * beta * *v + h * h;
            match self.preset {
                Preset::Package => {
                    *r = beta * *r - *s * h.clamp(-*m, *m);
                    *m = (beta * *m).max(h.abs() + eps);
                }
                Preset::Paper => {
                    *r = (beta * *r - *s * h).max(0.0);
                    *m = (beta * *m).max(h.abs());
                }
            }
            *s = (share * *m + r.max(0.0)) / (v.sqrt() + eps);
        }
    }
}

fn boxed<T: Real>(settings: &Settings) -> OptimizerResult<T> {
    Ok(Box::new(Mechanic::from_settings(settings)?))
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "mechanic",
    summary: "another optimizer with a learnt scale; with rate 1",
    doc: "w <- w_0 + S D, D the sum of the base's updates, S a scale learnt from the products of D with the \
          gradients. The formulas and init are those of optax.contrib.mechanize, or with preset = \"paper\" algorithm 1's and \
          mechanic-pytorch's. For the rate 1: another goes that share of the way. No edge. Source: Cutkosky et al. 2023, \
          arXiv 2306.00144, algorithm 1.",
    settings: &[
        preset("whose formulas and init: `package`, those of optax.contrib.mechanize, or `paper`"),
        setting(
            "base",
            Kind::Text,
            Default::Is("gd"),
            "the optimizer that is scaled, with its settings at the defaults of the same preset",
        ),
        setting("decay", Kind::Number, Default::Is("0.01"), "lambda, pulls the scale down as the parameters grow"),
        setting("init", Kind::Number, differs(&[("package", "1e-6"), ("paper", "1e-8")]), "first scale"),
        setting("eps", Kind::Number, Default::Is("1e-8"), "added to the root, positive"),
    ],
    build: Make { f32: boxed, f64: boxed },
};

impl<T: Real> Optimizer<T> for Mechanic<T> {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &self.sum)?;
        if self.first.is_empty() {
            self.first = w.to_vec();
            self.sum.resize(w.len(), T::ZERO);
        }
        self.base.direction(w, g, u)?;
        let (mut size, scale) = (vector::norm(w), self.scale());
        if self.preset == Preset::Package {
            let share = T::from_f64(scale / (scale + self.eps));
            self.sum.iter_mut().for_each(|sum| *sum *= share);
            size += self.eps;
        }
        let pull = self.decay * scale * vector::norm(g);
        let decay = if size > 0.0 { pull * vector::dot(&self.sum, w) / size } else { 0.0 };
        self.learn(vector::dot(&self.sum, g) + decay);
        vector::axpy(1.0, u, &mut self.sum);
        let scale = T::from_f64(self.scale());
        for ((u, &w), (&first, &sum)) in u.iter_mut().zip(w).zip(self.first.iter().zip(&self.sum)) {
            *u = first - w + scale * sum;
        }
        Ok(())
    }

    fn set_layers(&mut self, layers: &[Layer]) -> Result<(), Error> {
        self.base.set_layers(layers)
    }

    fn preconditioner(&self) -> Option<&[T]> {
        None
    }

    fn edge(&self) -> Option<f64> {
        None
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        let (first, sum) = (self.first.clone(), self.sum.clone());
        Box::new(Self { base: self.base.duplicate(), first, sum, ..*self })
    }

    fn state(&self) -> State<T> {
        let mut state = State::new().with_vector("first", self.first.clone()).with_vector("sum", self.sum.clone());
        for (i, Scale { s, m, v, r }) in self.scales.iter().enumerate() {
            for (name, value) in [("s", *s), ("m", *m), ("v", *v), ("r", *r)] {
                state = state.with_scalar(&format!("{name}.{i}"), value);
            }
        }
        state.with_part("base", self.base.state())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("mechanic");
        let base = reader.part("base");
        self.first = reader.vector("first")?;
        self.sum = reader.vector("sum")?;
        Error::require_length("optimizer state", self.sum.len(), self.first.len())?;
        for (i, scale) in self.scales.iter_mut().enumerate() {
            let mut read = |name: &str| reader.scalar(&format!("{name}.{i}"));
            *scale = Scale { s: read("s")?, m: read("m")?, v: read("v")?, r: read("r")? };
        }
        reader.finish()?;
        self.base.restore(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizers::{Adam, Gd};

    #[test]
    fn by_hand() {
        let mut mechanic = Mechanic::new(Box::new(Gd), 0.5, 0.6, 1e-30).unwrap().by(Preset::Paper);
        let mut u = [0.0_f64];
        let mut ask = |w: f64, g: f64| {
            mechanic.direction(&[w], &[g], &mut u).unwrap();
            u[0]
        };
        assert_eq!(ask(10.0, 2.0), 0.0);
        // D = -2 and h = -4, so that every scale is 0.1 * 4 / 4; then D = -4.
        assert!((ask(10.0, 2.0) + 2.4).abs() < 1e-14);
        // h = -4 (2 + 0.5 * 0.6 * 2) = -10.4: the scales are (0.1 * 10.4 + 0.1 * 10.4) / (16 b^2 + 108.16)^(1/2), D = -6.
        let scale: f64 = BETAS.iter().map(|b| 2.08 / (16.0 * b * b + 108.16).sqrt()).sum();
        assert!((ask(7.6, 2.0) - (10.0 - 7.6 - 6.0 * scale)).abs() < 1e-14);
    }

    #[test]
    fn the_package_by_hand() {
        let mut mechanic = Mechanic::new(Box::new(Gd), 0.5, 0.6, 0.1).unwrap();
        let mut u = [0.0_f64];
        let mut ask = |w: f64, g: f64| {
            mechanic.direction(&[w], &[g], &mut u).unwrap();
            u[0]
        };
        // h = 0, m = eps: every scale is 0.1 eps / eps, S = 0.6, and D = -2.
        assert!((ask(10.0, 2.0) + 1.2).abs() < 1e-14);
        // D = -2 * 0.6 / 0.7 and h = D (2 + 0.5 * 0.6 * 2 * 8.8 / 8.9), which counts as -m = -0.1 for r = 0.1 * 0.1.
        let sum = -12.0 / 7.0;
        let h: f64 = sum * (2.0 + 0.6 * 8.8 / 8.9);
        let scale = 6.0 * (0.1 * (h.abs() + 0.1) + 0.01) / (h.abs() + 0.1);
        assert!((ask(8.8, 2.0) - (10.0 - 8.8 + scale * (sum - 2.0))).abs() < 1e-14);
    }

    #[test]
    fn keeps_the_state_of_its_base() {
        let make = || Mechanic::<f64>::paper(Box::new(Adam::paper()));
        let (mut first, mut second, mut u, mut v) = (make(), make(), [0.0; 2], [0.0; 2]);
        first.direction(&[1.0, 2.0], &[0.5, -3.0], &mut u).unwrap();
        second.restore(first.state()).unwrap();
        first.direction(&[1.0, 2.0], &[0.25, -1.0], &mut u).unwrap();
        second.direction(&[1.0, 2.0], &[0.25, -1.0], &mut v).unwrap();
        assert_eq!((u, first.state()), (v, second.state()));
        let mut other = Mechanic::<f64>::paper(Box::new(Gd));
        assert!(other.restore(first.state()).unwrap_err().to_string().starts_with("gd: state"));
    }

    #[test]
    fn eps_is_added_to_the_root_and_parameters_may_be_zero() {
        let mut mechanic = Mechanic::new(Box::new(Gd), 0.5, 0.6, 2.0).unwrap().by(Preset::Paper);
        let mut u = [0.0_f64];
        mechanic.direction(&[0.0], &[2.0], &mut u).unwrap();
        // D = -2 and h = -4: each scale is 0.1 * 4 / (4 + 2), and D becomes -4.
        mechanic.direction(&[0.0], &[2.0], &mut u).unwrap();
        assert!((u[0] + 6.0 * 0.4 / 6.0 * 4.0).abs() < 1e-14, "{u:?}");
    }
}
