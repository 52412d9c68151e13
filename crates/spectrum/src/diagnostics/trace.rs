use onedge_objective::Real;
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::{every, sampling};
use crate::{Error, Estimate, Sampling, deflated, hutch_plus_plus, sampled_trace};

/// Samples at least. They scatter little, and alike to both sides.
const LEAST: usize = 4;
/// Examples of a sample at least, unless they are asked for.
const FEWEST: usize = 4;

/// The trace of the Hessian, beyond the largest eigenvalues where they are known: by [`deflated`], on samples of the examples by
/// [`sampled_trace`], or by [`hutch_plus_plus`].
#[derive(Debug)]
struct Trace {
    sampling: Sampling,
    batch: Option<usize>,
    plus: bool,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "trace",
    summary: "trace of the Hessian, sampled",
    doc: "tr(H) = E[z . H z] over random signs z (hutchinson), with its standard error; at a step at which `top` is measured, \
          exact on its vectors and sampled beyond them, which takes fewer samples; or exact on \
          the span of a third of the products and sampled beyond it (hutch++), whose error falls faster where few eigenvalues \
          dominate. Each sample of hutchinson takes trace_batch examples of its own, in a run over all examples a sixteenth of them if \
          that is 4 or more: signs scatter more than examples do, and the standard error covers both. Samples are looked at \
          after 4, 8, 16 and so on. Reading: trace. Cost: one product with H a sample, and a gradient where it has its own examples. Source: \
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
        setting(
            "trace_batch",
            Kind::Integer,
            Default::Absent,
            "examples of each sample, of all; if absent a sixteenth, or those of the step in mini-batches",
        ),
        setting("trace_method", Kind::Text, Default::Is("hutchinson"), "`hutchinson`, or `hutch++`: all samples"),
    ],
    build: Make {
        readings: &["trace"],
        f32: |settings| Ok(Box::new(make(settings)?)),
        f64: |settings| Ok(Box::new(make(settings)?)),
    },
};

fn make(settings: &Settings) -> Result<Trace, RegistryError> {
    let sampling = sampling(settings, "trace_samples", "trace_error", LEAST)?;
    let plus = match settings.text("trace_method") {
        "hutchinson" => false,
        "hutch++" if sampling.max_samples >= 6 => true,
        "hutch++" => return Err(settings.out_of_range("trace_samples", "a whole number, 6 or more for hutch++")),
        _ => return Err(settings.out_of_range("trace_method", "`hutchinson` or `hutch++`")),
    };
    let batch = settings.optional_count("trace_batch")?;
    if plus && batch.is_some() {
        return Err(settings.out_of_range("trace_batch", "no value with hutch++, which takes all examples"));
    }
    Ok(Trace { sampling, batch, plus })
}

impl<T: Real> Diagnostic<T> for Trace {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let sampling = Sampling { seed: point.seed, ..self.sampling };
        let shared = point.shared();
        let known = shared.as_ref().map_or((&[][..], &[][..]), |shared| (&shared.vectors[..], &shared.values[..]));
        let error = shared.as_ref().filter(|_| !self.plus).map_or(0.0, |shared| shared.error);
        let usual = Some(point.examples() / 16).filter(|size| *size >= FEWEST && point.batch_size.is_none());
        let estimate = match self.batch.or(usual) {
            _ if self.plus => {
                point.with_hessian(|hessian| hutch_plus_plus(hessian, sampling.max_samples, sampling.seed))
            }
            Some(batch) => {
                let w = point.step.w;
                sampled_trace(point.sampled().0, w, batch, known, &sampling)
            }
            None => point.with_hessian(|hessian| deflated(hessian, known.0, known.1, &sampling)),
        }?;
        let standard_error = estimate.standard_error.hypot(error);
        Ok(vec![Reading::sampled("trace", Estimate { standard_error, ..estimate })])
    }
}
