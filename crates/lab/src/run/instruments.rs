use onedge_objective::Real;
use onedge_registry::{Error as RegistryError, Settings};
use onedge_spectrum::diagnostics::{self, Instrument, Layer, Point};
use onedge_tune::{Error as TuneError, Optimizer, Step, StepReport};

use crate::params::Layout;
use crate::records::Record;
use crate::run::Workload;

/// The diagnostics of a run, beside the top of the spectrum that the tuner shares.
pub struct Instruments<T: Real> {
    list: Vec<Instrument<T>>,
    layers: Vec<Layer>,
    seed: u64,
    threads: usize,
}

/// What a step leaves behind for diagnostics: the point that it started from.
pub struct Left<T> {
    w: Vec<T>,
    gradient: Vec<T>,
    update: Vec<T>,
    optimizer: Box<dyn Optimizer<T>>,
}

/// The diagnostics that draw batches, by the beginning of their settings.
const SAMPLED: [&str; 3] = ["batch_sharpness", "update_batch_sharpness", "noise_scale"];

/// Whether every sampled batch has a size, no larger than the data.
///
/// # Errors
/// The setting that is out of its range.
pub fn check(settings: &Settings, batch: Option<usize>, examples: usize) -> Result<(), RegistryError> {
    for name in SAMPLED {
        let key = format!("{name}_batch");
        if settings.count(&format!("{name}_every"))? == 0 {
            continue;
        }
        // A noise scale needs examples outside of the batch.
        let most = if name == "noise_scale" { examples.saturating_sub(1) } else { examples };
        match settings.optional_count(&key)?.or(batch) {
            Some(size) if (1..=most).contains(&size) => {}
            Some(_) => return Err(settings.out_of_range(&key, &format!("1 to {most} examples"))),
            None => return Err(settings.out_of_range(&key, "a number of examples, as the run has no `batch`")),
        }
    }
    Ok(())
}

impl<T: Real> Instruments<T> {
    /// Those that the section `diagnostics` of a spec asks for, for parameters that lie as `layouts` say.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(settings: &Settings, layouts: &[Layout], (seed, threads): (u64, usize)) -> Result<Self, RegistryError> {
        let mut start = 0;
        let layer = |layout: &Layout| {
            let range = start..start + layout.shape.iter().product::<usize>();
            start = range.end;
            Layer { name: layout.name.clone(), range }
        };
        let layers = layouts.iter().map(layer).collect();
        Ok(Self { list: diagnostics::instruments(settings)?, layers, seed, threads })
    }

    /// None.
    pub fn none() -> Self {
        Self { list: Vec::new(), layers: Vec::new(), seed: 0, threads: 1 }
    }

    /// Whether any is due at this step.
    pub fn due(&self, step: u64) -> bool {
        self.list.iter().any(|instrument| step.is_multiple_of(instrument.every))
    }

    /// Measures what is due, after the step: its readings go into `record`. What a diagnostic draws, and the loss that it
    /// moves on, is put back: the batch of the step, without random changes to its images.
    ///
    /// # Errors
    /// A value that is not finite; whatever the objective reports.
    pub fn measure(
        &mut self,
        workload: &mut dyn Workload<T>,
        left: &Left<T>,
        report: &StepReport,
        batch: Option<&[usize]>,
        record: &mut Record,
    ) -> Result<(), TuneError> {
        let step = diagnostics::Step {
            number: report.step,
            w: &left.w,
            loss: report.loss,
            gradient: &left.gradient,
            update: &left.update,
            learning_rate: report.learning_rate,
            sharpness: report.sharpness,
            batch,
        };
        let mut direction = |gradient: &[T], update: &mut [T]| {
            let mut optimizer = left.optimizer.duplicate();
            let made = optimizer.direction(&left.w, gradient, update);
            made.map_err(|error| onedge_objective::Error::Other(Box::new(error)).into())
        };
        let source = |source| TuneError::Spectrum { step: report.step, source };
        let mut point = Point::new(workload, step, &self.layers, &mut direction, (self.seed, self.threads));
        for instrument in self.list.iter_mut().filter(|instrument| report.step.is_multiple_of(instrument.every)) {
            for reading in instrument.diagnostic.measure(&mut point).map_err(source)? {
                if let Some(error) = reading.standard_error {
                    record.measured.insert(format!("{}_error", reading.name), error);
                }
                record.measured.insert(reading.name, reading.value);
                record.density.extend(reading.nodes);
            }
        }
        record.measured.insert("diagnostics_cost".to_owned(), point.cost());
        Ok(())
    }

    /// A step of this learning rate was taken.
    pub fn advance(&mut self, learning_rate: f64) {
        self.list.iter_mut().for_each(|instrument| instrument.diagnostic.advance(learning_rate));
    }
}

impl<T: Real> Left<T> {
    /// Of `step`, begun by an optimizer that before it was as `optimizer` is.
    pub fn behind(step: &Step<'_, T>, optimizer: Box<dyn Optimizer<T>>) -> Self {
        let [w, gradient, update] = [step.w(), step.gradient(), step.update()].map(<[T]>::to_vec);
        Self { w, gradient, update, optimizer }
    }
}
