use onedge_objective::{Real, State};
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::{every, positive};
use crate::{CriticalSearch, Error, critical_sharpness};

/// The sharpness that forward passes alone find, by [`critical_sharpness`].
#[derive(Debug)]
struct CriticalSharpness {
    tolerance: f64,
    max_losses: usize,
    /// The last critical rate, where the next search starts.
    last: Option<f64>,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "critical-sharpness",
    summary: "2 over the rate at which the update raises the loss, by forward passes",
    doc: "2 / eta_c, eta_c the smallest rate with f(w + eta u) > f(w), found by doubling or halving and then bisection from \
          the last one. On a quadratic u . H u / -g . u. Reading: critical_sharpness; none where no rate raises the loss. Cost: about \
          6 evaluations of the loss. Source: Kalra et al. 2026, arXiv 2601.16979.",
    settings: &[
        every("critical_sharpness_every"),
        setting("critical_sharpness_error", Kind::Number, Default::Is("0.05"), "relative error of the rate"),
        setting("critical_sharpness_losses", Kind::Integer, Default::Is("60"), "evaluations of the loss at most"),
    ],
    build: Make {
        readings: &["critical_sharpness"],
        f32: |settings| Ok(Box::new(make(settings)?)),
        f64: |settings| Ok(Box::new(make(settings)?)),
    },
};

fn make(settings: &Settings) -> Result<CriticalSharpness, RegistryError> {
    let key = "critical_sharpness_error";
    let tolerance = settings.number_where(key, "a positive finite number", |x| x > 0.0 && x.is_finite())?;
    Ok(CriticalSharpness { tolerance, max_losses: positive(settings, "critical_sharpness_losses")?, last: None })
}

impl<T: Real> Diagnostic<T> for CriticalSharpness {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let step = point.step;
        let usable = |rate: f64| Some(rate).filter(|rate| *rate > 0.0 && rate.is_finite());
        let start = self.last.or(usable(step.learning_rate)).unwrap_or(1.0);
        let search = CriticalSearch { start, tolerance: self.tolerance, max_losses: self.max_losses };
        let found = critical_sharpness(point.objective()?, step.w, step.update, step.loss, &search)?;
        self.last = found.rate;
        let value = found.sharpness().ok_or(Error::NoValue("no rate that was tried raises the loss, or all do"))?;
        Ok(vec![Reading::exact("critical_sharpness", value)])
    }

    fn state(&self) -> State<T> {
        self.last.iter().fold(State::new(), |state, last| state.with_scalar("last", *last))
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("critical-sharpness");
        self.last = reader.optional_scalar("last");
        Ok(reader.finish()?)
    }
}
