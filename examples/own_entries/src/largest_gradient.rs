//! A diagnostic: the largest entry of the gradient.

use onedge::objective::Real;
use onedge::registry::{Default, Entry, Kind, setting};
use onedge::spectrum::Error;
use onedge::spectrum::diagnostics::{Diagnostic, Make, Point, Reading};

struct LargestGradient;

pub static ENTRY: Entry<Make> = Entry {
    name: "largest-gradient",
    summary: "the largest entry of the gradient",
    doc: "max_i |g_i|. Reading: largest_gradient. Cost: none.",
    // The first setting of a diagnostic is how often it is measured.
    settings: &[setting(
        "largest_gradient_every",
        Kind::Integer,
        Default::Is("0"),
        "measure it every so many steps; 0: never",
    )],
    build: Make {
        readings: &["largest_gradient"],
        f32: |_| Ok(Box::new(LargestGradient)),
        f64: |_| Ok(Box::new(LargestGradient)),
    },
};

impl<T: Real> Diagnostic<T> for LargestGradient {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let value = point.step.gradient.iter().map(|g| g.to_f64().abs()).fold(0.0, f64::max);
        Ok(vec![Reading { name: "largest_gradient".to_owned(), value, standard_error: None, nodes: Vec::new() }])
    }
}
