use onedge_objective::Real;
use onedge_registry::{Entry, Error as RegistryError, Settings};

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::{batch, batch_sampling, every, relative_error, samples};
use crate::{Error, Sampling, batch_sharpness};

/// The sharpness that mini-batches feel, by [`batch_sharpness`].
#[derive(Debug)]
struct BatchSharpness {
    reading: &'static str,
    of_update: bool,
    batch: Option<usize>,
    sampling: Sampling,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "batch-sharpness",
    summary: "curvature of mini-batches along their own gradients, sampled",
    doc: "E[g_B . H_B g_B] / E|g_B|^2 over random batches B: what settles near 2 / eta under stochastic gradient descent. \
          Reading: batch_sharpness, with its standard error. Cost: a gradient and a curvature of a batch for each sample. \
          Source: Andreyev, Beneventano 2024, arXiv 2412.20553.",
    settings: &[
        every("batch_sharpness_every"),
        batch("batch_sharpness_batch"),
        samples("batch_sharpness_samples", "64"),
        relative_error("batch_sharpness_error"),
    ],
    build: Make {
        readings: &["batch_sharpness"],
        f32: |settings| Ok(Box::new(make(settings)?)),
        f64: |settings| Ok(Box::new(make(settings)?)),
    },
};

pub(super) static UPDATE: Entry<Make> = Entry {
    name: "update-batch-sharpness",
    summary: "the same along the optimizer's updates",
    doc: "E[s . H_B s] / -E[s . g_B] over random batches B, s the update at unit learning rate that the optimizer, in its present \
          state, makes of g_B: batch sharpness for any optimizer, compared with 2 / eta. Reading: update_batch_sharpness, with \
          its standard error. Cost: a gradient and a curvature of a batch for each sample. Source: the form for gradient \
          descent is that of Andreyev, Beneventano 2024, arXiv 2412.20553; this one is ours.",
    settings: &[
        every("update_batch_sharpness_every"),
        batch("update_batch_sharpness_batch"),
        samples("update_batch_sharpness_samples", "64"),
        relative_error("update_batch_sharpness_error"),
    ],
    build: Make {
        readings: &["update_batch_sharpness"],
        f32: |settings| Ok(Box::new(make_update(settings)?)),
        f64: |settings| Ok(Box::new(make_update(settings)?)),
    },
};

fn make(settings: &Settings) -> Result<BatchSharpness, RegistryError> {
    Ok(BatchSharpness {
        reading: "batch_sharpness",
        of_update: false,
        batch: settings.optional_count("batch_sharpness_batch")?,
        sampling: batch_sampling(settings, "batch_sharpness_samples", "batch_sharpness_error")?,
    })
}

fn make_update(settings: &Settings) -> Result<BatchSharpness, RegistryError> {
    Ok(BatchSharpness {
        reading: "update_batch_sharpness",
        of_update: true,
        batch: settings.optional_count("update_batch_sharpness_batch")?,
        sampling: batch_sampling(settings, "update_batch_sharpness_samples", "update_batch_sharpness_error")?,
    })
}

impl<T: Real> Diagnostic<T> for BatchSharpness {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let (batch, w) = (point.batch(self.batch)?, point.step.w);
        let sampling = Sampling { seed: point.seed, ..self.sampling };
        let (problem, direction) = point.sampled();
        let mut descent = |g: &[T], s: &mut [T]| {
            s.iter_mut().zip(g).for_each(|(s, g)| *s = -*g);
            Ok(())
        };
        let direction = if self.of_update { direction } else { &mut descent };
        Ok(vec![Reading::sampled(self.reading, batch_sharpness(problem, w, batch, direction, &sampling)?)])
    }
}
