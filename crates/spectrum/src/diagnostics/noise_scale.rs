use onedge_objective::Real;
use onedge_registry::{Entry, Error as RegistryError, Settings};

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::{batch, batch_sampling, every, relative_error, samples};
use crate::{Error, Sampling, noise_scale};

/// The gradient noise scale, by [`noise_scale`].
#[derive(Debug)]
struct NoiseScale {
    batch: Option<usize>,
    sampling: Sampling,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "noise-scale",
    summary: "gradient noise scale: the batch size at which noise equals signal",
    doc: "tr(Sigma) / |g|^2, g the gradient over all examples, Sigma the covariance of gradients of single examples, from \
          batches drawn without replacement. Reading: noise_scale, in examples, with its standard error. Cost: a gradient \
          over all examples and one of a batch for each sample. Source: McCandlish, Kaplan, Amodei 2018, arXiv 1812.06162.",
    settings: &[
        every("noise_scale_every"),
        batch("noise_scale_batch"),
        samples("noise_scale_samples", "64"),
        relative_error("noise_scale_error"),
    ],
    build: Make {
        readings: &["noise_scale"],
        f32: |settings| Ok(Box::new(make(settings)?)),
        f64: |settings| Ok(Box::new(make(settings)?)),
    },
};

fn make(settings: &Settings) -> Result<NoiseScale, RegistryError> {
    let sampling = batch_sampling(settings, "noise_scale_samples", "noise_scale_error")?;
    Ok(NoiseScale { batch: settings.optional_count("noise_scale_batch")?, sampling })
}

impl<T: Real> Diagnostic<T> for NoiseScale {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let (batch, w) = (point.batch(self.batch)?, point.step.w);
        let sampling = Sampling { seed: point.seed, ..self.sampling };
        let (problem, _) = point.sampled();
        Ok(vec![Reading::sampled("noise_scale", noise_scale(problem, w, batch, &sampling)?)])
    }
}
