use onedge_objective::Real;
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::{Diagnostic, Make, Point, Reading, every, sampling};
use crate::{Error, Sampling, deflated, hutch_plus_plus, hutchinson};

/// Samples at least. They scatter little, and alike to both sides.
const LEAST: usize = 4;

/// The trace of the Hessian, by [`hutchinson`], beyond the largest eigenvalues by [`deflated`], or by [`hutch_plus_plus`].
#[derive(Debug)]
struct Trace {
    sampling: Sampling,
    plus: bool,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "trace",
    summary: "trace of the Hessian, sampled",
    doc: "tr(H) = E[z . H z] over random signs z (hutchinson), with its standard error; at a step at which `top` is measured, \
          exact on its vectors and sampled beyond them, which mostly takes 4 samples where it takes 16 or 32 without; or exact on \
          the span of a third of the products and sampled beyond it (hutch++), whose error falls faster where few eigenvalues \
          dominate. Samples are looked at after 4, 8, 16 and so on. Reading: trace. Cost: one product with H a sample. Source: \
          Hutchinson 1989; Meyer, Musco, Musco, Woodruff 2021, arXiv 2010.09649.",
    settings: &[
        every("trace_every"),
        setting("trace_samples", Kind::Integer, Default::Is("32"), "samples at most, 4 or more"),
        setting(
            "trace_error",
            Kind::Number,
            Default::Is("0.1"),
            "stop early at this relative standard error; 0: never",
        ),
        setting("trace_method", Kind::Text, Default::Is("hutchinson"), "`hutchinson`, or `hutch++`: all samples"),
    ],
    build: Make { f32: |settings| Ok(Box::new(make(settings)?)), f64: |settings| Ok(Box::new(make(settings)?)) },
};

fn make(settings: &Settings) -> Result<Trace, RegistryError> {
    let sampling = sampling(settings, "trace_samples", "trace_error", LEAST)?;
    let plus = match settings.text("trace_method") {
        "hutchinson" => false,
        "hutch++" if sampling.max_samples >= 6 => true,
        "hutch++" => return Err(settings.out_of_range("trace_samples", "a whole number, 6 or more for hutch++")),
        _ => return Err(settings.out_of_range("trace_method", "`hutchinson` or `hutch++`")),
    };
    Ok(Trace { sampling, plus })
}

impl<T: Real> Diagnostic<T> for Trace {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let sampling = Sampling { seed: point.seed, ..self.sampling };
        let known = point.known();
        let estimate = point.with_hessian(|hessian| match &known {
            _ if self.plus => hutch_plus_plus(hessian, sampling.max_samples, sampling.seed),
            Some(known) => deflated(hessian, &known.vectors, &known.values, &sampling),
            None => hutchinson(hessian, &sampling),
        })?;
        Ok(vec![Reading::sampled("trace", estimate)])
    }
}
