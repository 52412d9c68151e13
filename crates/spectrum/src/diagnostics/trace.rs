use onedge_objective::Real;
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::{Diagnostic, Make, Point, Reading, every, relative_error, samples, sampling};
use crate::{Error, Sampling, hutch_plus_plus, hutchinson};

/// The trace of the Hessian, by [`hutchinson`] or [`hutch_plus_plus`].
#[derive(Debug)]
struct Trace {
    sampling: Sampling,
    plus: bool,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "trace",
    summary: "trace of the Hessian, sampled",
    doc: "tr(H) = E[z . H z] over random signs z (hutchinson), with its standard error; or exact on the span of a third \
          of the products and sampled beyond it (hutch++), whose error falls faster where few eigenvalues dominate. \
          Reading: trace. Cost: one product with H a sample. Source: Hutchinson 1989; Meyer, Musco, Musco, Woodruff \
          2021, arXiv 2010.09649.",
    settings: &[
        every("trace_every"),
        samples("trace_samples", "32"),
        relative_error("trace_error"),
        setting("trace_method", Kind::Text, Default::Is("hutchinson"), "`hutchinson`, or `hutch++`: all samples"),
    ],
    build: Make { f32: |settings| Ok(Box::new(make(settings)?)), f64: |settings| Ok(Box::new(make(settings)?)) },
};

fn make(settings: &Settings) -> Result<Trace, RegistryError> {
    let sampling = sampling(settings, "trace_samples", "trace_error")?;
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
        let estimate = point.with_hessian(|hessian| {
            if self.plus {
                hutch_plus_plus(hessian, sampling.max_samples, sampling.seed)
            } else {
                hutchinson(hessian, &sampling)
            }
        })?;
        Ok(vec![Reading::sampled("trace", estimate)])
    }
}
