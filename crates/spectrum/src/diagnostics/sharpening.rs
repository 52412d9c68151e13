use onedge_objective::Real;
use onedge_registry::Entry;

use super::{Diagnostic, Make, Point, Reading, every};
use crate::{Error, Lanczos, Sharpening, SharpnessTracker, Wanted};

/// The rate of progressive sharpening, by [`Sharpening`].
struct ProgressiveSharpening<T> {
    sharpening: Sharpening,
    tracker: Option<SharpnessTracker<T>>,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "sharpening",
    summary: "rate of progressive sharpening: change of sharpness over flow time",
    doc: "(lambda_t - lambda_s) / (sum of the learning rates from s to t), s the last measurement. Reading: sharpening, from the \
          second measurement on. Cost: none where the sharpness of the Hessian is measured at the same step, else that of a \
          sharpness. Source: Cohen et al. 2021, arXiv 2103.00065; Damian, Nichani, Lee 2023, arXiv 2209.15594.",
    settings: &[every("sharpening_every")],
    build: Make {
        f32: |_| Ok(Box::new(ProgressiveSharpening::<f32>::new())),
        f64: |_| Ok(Box::new(ProgressiveSharpening::<f64>::new())),
    },
};

impl<T> ProgressiveSharpening<T> {
    fn new() -> Self {
        Self { sharpening: Sharpening::new(), tracker: None }
    }
}

impl<T: Real> Diagnostic<T> for ProgressiveSharpening<T> {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let sharpness = match point.step.sharpness {
            Some(sharpness) => Some(sharpness),
            None => {
                let options =
                    Lanczos { wanted: Wanted::Algebraic, threads: point.threads, ..Lanczos::top(1, point.seed) };
                let tracker = self.tracker.get_or_insert_with(|| SharpnessTracker::new(options));
                let gradient = point.step.gradient;
                let spectrum = point.with_hessian(|hessian| tracker.measure(hessian, Some(gradient)))?;
                spectrum.largest().map(|pair| pair.value)
            }
        };
        let rate = sharpness.and_then(|sharpness| self.sharpening.measure(sharpness));
        Ok(rate.map(|rate| Reading::exact("sharpening", rate)).into_iter().collect())
    }

    fn advance(&mut self, learning_rate: f64) {
        self.sharpening.advance(learning_rate);
    }
}
