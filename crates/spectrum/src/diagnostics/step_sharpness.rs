use onedge_objective::{Real, vector};
use onedge_registry::Entry;

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::every;
use crate::Error;

/// The curvature along the step.
#[derive(Debug)]
struct StepSharpness;

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "step-sharpness",
    summary: "curvature along the update: u . H u / |u|^2",
    doc: "Readings: step_sharpness, the Rayleigh quotient u . H u / |u|^2 of the update; step_ratio, eta u . H u / -g . u, which \
          is at 2 where the quadratic model along u no longer falls, and at sigma for CDAT without averages. Neither is \
          there for a zero update or slope. Cost: one curvature.",
    settings: &[every("step_sharpness_every")],
    build: Make {
        readings: &["step_sharpness", "step_ratio"],
        f32: |_| Ok(Box::new(StepSharpness)),
        f64: |_| Ok(Box::new(StepSharpness)),
    },
};

impl<T: Real> Diagnostic<T> for StepSharpness {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let (update, gradient, rate) = (point.step.update, point.step.gradient, point.step.learning_rate);
        let curvature = point.objective()?.curvature(update)?;
        let (square, descent) = (vector::dot(update, update), -vector::dot(gradient, update));
        if square == 0.0 {
            return Err(Error::NoValue("the update is zero"));
        }
        // A point that is measured by itself has no rate.
        let ratio = (!rate.is_nan()).then(|| ("step_ratio", rate * curvature / descent));
        let quotients = [Some(("step_sharpness", curvature / square)), ratio];
        Ok(quotients.into_iter().flatten().map(|(name, value)| Reading::exact(name, value)).collect())
    }
}
