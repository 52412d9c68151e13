use onedge_objective::{Real, State};
use onedge_registry::Entry;

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::every;
use crate::{Error, Lanczos, Sharpening, SharpnessTracker, Wanted};

/// The rate of progressive sharpening, by [`Sharpening`].
struct ProgressiveSharpening {
    sharpening: Sharpening,
    tracker: Option<SharpnessTracker>,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "sharpening",
    summary: "rate of progressive sharpening: change of sharpness over flow time",
    doc: "(lambda_t - lambda_s) / (sum of the learning rates from s to t), s the last measurement. Reading: sharpening, from the \
          second measurement on. Cost: none where the sharpness of the Hessian is measured at the same step, else that of a \
          sharpness. Source: Cohen et al. 2021, arXiv 2103.00065; Damian, Nichani, Lee 2023, arXiv 2209.15594.",
    settings: &[every("sharpening_every")],
    build: Make {
        readings: &["sharpening"],
        f32: |_| Ok(Box::new(ProgressiveSharpening::new())),
        f64: |_| Ok(Box::new(ProgressiveSharpening::new())),
    },
};

impl ProgressiveSharpening {
    fn new() -> Self {
        Self { sharpening: Sharpening::new(), tracker: None }
    }
}

/// A tracker that has measured nothing yet.
fn fresh(seed: u64) -> SharpnessTracker {
    SharpnessTracker::new(Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(1, seed) })
}

impl<T: Real> Diagnostic<T> for ProgressiveSharpening {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let sharpness = match point.step.sharpness {
            Some(sharpness) => Some(sharpness),
            None => {
                let tracker = self.tracker.get_or_insert_with(|| fresh(point.seed));
                tracker.set_threads(point.threads);
                let spectrum = point.with_hessian(|hessian| tracker.measure(hessian))?;
                spectrum.largest().map(|pair| pair.value)
            }
        };
        let rate = sharpness.and_then(|sharpness| self.sharpening.measure(sharpness));
        Ok(rate.map(|rate| Reading::exact("sharpening", rate)).into_iter().collect())
    }

    fn advance(&mut self, learning_rate: f64) {
        self.sharpening.advance(learning_rate);
    }

    fn state(&self) -> State<T> {
        let state = State::new().with_scalar("time", self.sharpening.time());
        let state = self.sharpening.last().into_iter().fold(state, |state, (time, sharpness)| {
            state.with_scalar("last_time", time).with_scalar("last_sharpness", sharpness)
        });
        self.tracker.iter().fold(state, |state, tracker| state.with_part("tracker", tracker.state()))
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let mut reader = state.reader("sharpening");
        let last = match reader.optional_scalar("last_time") {
            Some(time) => Some((time, reader.scalar("last_sharpness")?)),
            None => None,
        };
        self.sharpening = Sharpening::at(reader.scalar("time")?, last);
        let tracker = reader.part("tracker");
        self.tracker = None;
        if !tracker.is_empty() {
            self.tracker.insert(fresh(0)).restore(tracker)?;
        }
        Ok(reader.finish()?)
    }
}
