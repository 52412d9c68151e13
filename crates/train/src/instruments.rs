//! The diagnostics of a run, beside the top of the spectrum that the tuner shares.

use std::collections::BTreeMap;

use onedge_objective::{Layer, Real, State, StateError};
use onedge_registry::{Entry, Error as RegistryError, Settings};
use onedge_spectrum::Error as SpectrumError;
use onedge_spectrum::diagnostics::{self, Instrument, Point, Setup};
use onedge_tune::{Error as TuneError, Optimizer, Step};

use crate::Error;
use crate::Layout;
use crate::Workload;

/// The diagnostics of a run, beside the top of the spectrum that the tuner shares.
pub struct Instruments<T: Real> {
    list: Vec<Instrument<T>>,
    layers: Vec<Layer>,
    setup: Setup,
    /// Whether all are due, whatever the step.
    always: bool,
}

/// What a step leaves behind for diagnostics: the point that it started from.
pub struct StepStart<T> {
    w: Vec<T>,
    gradient: Vec<T>,
    update: Vec<T>,
    optimizer: Box<dyn Optimizer<T>>,
}

/// What is known of the step itself.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// The step, counted from 0.
    pub step: u64,
    /// The loss from which it started.
    pub loss: f64,
    /// Its learning rate; NaN where there is none.
    pub learning_rate: f64,
    /// The largest eigenvalue of the Hessian, if it was measured.
    pub sharpness: Option<f64>,
    /// Whether the workload is still linearised there.
    pub is_linearized: bool,
}

/// What was read, as records hold it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings {
    /// By name; standard errors under the same name with `_error`; what all of it cost, in evaluations of the loss, as
    /// `diagnostics_cost`.
    pub measured: BTreeMap<String, f64>,
    /// Points of the spectral density.
    pub density: Vec<(f64, f64)>,
    /// What had no value, by the name of the reading or, where it had none at all, of the diagnostic; with the reason.
    pub missing: Vec<(String, String)>,
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
        if most == 0 {
            let expected = "0, as it takes two training examples or more and there is one";
            return Err(settings.out_of_range(&format!("{name}_every"), expected));
        }
        let asked = settings.optional_count(&key)?;
        match asked.or(batch) {
            Some(size) if (1..=most).contains(&size) => {}
            Some(_) if asked.is_some() => return Err(settings.out_of_range(&key, &examples_up_to(most))),
            Some(size) => {
                let expected = format!("{}, as the run's own batch has {size}", examples_up_to(most));
                return Err(settings.out_of_range(&key, &expected));
            }
            None => return Err(settings.out_of_range(&key, "a number of examples, as the run has no `batch`")),
        }
    }
    // Two samples that have no example in common.
    let top = settings.optional_count("top_batch")?.filter(|size| !(2..=examples / 2).contains(size));
    if top.is_some() {
        let expected = match examples / 2 {
            0 | 1 => format!("no value, as it takes four training examples or more and there are {examples}"),
            half => format!("2 to {half} examples, half of all"),
        };
        return Err(settings.out_of_range("top_batch", &expected));
    }
    let trace = settings.optional_count("trace_batch")?.filter(|size| !(1..=examples).contains(size));
    match trace {
        Some(_) => Err(settings.out_of_range("trace_batch", &examples_up_to(examples))),
        None => Ok(()),
    }
}

fn examples_up_to(most: usize) -> String {
    if most == 1 { "1 example".to_owned() } else { format!("1 to {most} examples") }
}

impl<T: Real> Instruments<T> {
    /// Those of `entries` that `settings`, as in the section `diagnostics` of a spec, ask for, for parameters that lie as `layouts` say.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(
        entries: &[&Entry<diagnostics::Make>],
        settings: &Settings,
        layouts: &[Layout],
        setup: Setup,
    ) -> Result<Self, RegistryError> {
        Ok(Self {
            list: diagnostics::instruments(entries, settings)?,
            layers: Layout::layers(layouts),
            setup,
            always: false,
        })
    }

    /// None.
    pub fn none() -> Self {
        let setup = Setup { seed: 0, threads: 1, batch_size: None };
        Self { list: Vec::new(), layers: Vec::new(), setup, always: false }
    }

    /// The same at a point that is measured by itself: all are due, whatever its step.
    pub fn at_any_step(self) -> Self {
        Self { always: true, ..self }
    }

    fn is_due(&self, instrument: &Instrument<T>, step: u64) -> bool {
        self.always || step.is_multiple_of(instrument.every)
    }

    /// Whether any is due at this step.
    pub fn due(&self, step: u64) -> bool {
        self.list.iter().any(|instrument| self.is_due(instrument, step))
    }

    /// Measures what is due, after the step; `report` is of that step and `batch` are its examples. A diagnostic that draws batches
    /// selects those examples again when it is done, without random changes to their images. One that fails, or has no value, is
    /// among what is [missing](Readings::missing); the others are measured all the same.
    pub fn measure(
        &mut self,
        workload: &mut dyn Workload<T>,
        left: &StepStart<T>,
        report: Report,
        batch: Option<&[usize]>,
    ) -> Readings {
        let Report { step: number, loss, learning_rate, sharpness, is_linearized } = report;
        let (w, gradient, update) = (&left.w[..], &left.gradient[..], &left.update[..]);
        let step = diagnostics::Step { number, w, loss, gradient, update, learning_rate, sharpness, batch };
        let mut direction = |gradient: &[T], update: &mut [T]| {
            let mut optimizer = left.optimizer.duplicate();
            let made = optimizer.direction(&left.w, gradient, update);
            made.map_err(|error| onedge_objective::Error::Other(Box::new(error)).into())
        };
        let mut point = Point::new(workload, step, &self.layers, &mut direction, self.setup);
        if is_linearized {
            point = point.linearized();
        }
        let mut readings = Readings::default();
        let always = self.always;
        for instrument in self.list.iter_mut().filter(|it| always || number.is_multiple_of(it.every)) {
            let read = instrument.diagnostic.measure(&mut point).unwrap_or_else(|error| {
                readings.missing.push((instrument.name.to_owned(), error.to_string()));
                Vec::new()
            });
            for reading in read {
                if !reading.value.is_finite() {
                    let reason = format!("its formula gives {} there", reading.value);
                    readings.missing.push((reading.name, reason));
                    continue;
                }
                if let Some(error) = reading.standard_error.filter(|error| error.is_finite()) {
                    readings.measured.insert(format!("{}_error", reading.name), error);
                }
                readings.measured.insert(reading.name, reading.value);
                readings.density.extend(reading.nodes);
            }
        }
        if !readings.measured.is_empty() || point.cost() > 0.0 {
            readings.measured.insert("diagnostics_cost".to_owned(), point.cost());
        }
        readings
    }

    /// What each of them must keep, by name; those that keep nothing are left out.
    pub fn states(&self) -> BTreeMap<String, State<T>> {
        let states = self.list.iter().map(|instrument| (instrument.name.to_owned(), instrument.diagnostic.state()));
        states.filter(|(_, state)| !state.is_empty()).collect()
    }

    /// Puts back what [`states`](Self::states) gave: the measurements that follow have the same bits.
    ///
    /// # Errors
    /// The states of other diagnostics.
    pub fn restore(&mut self, mut states: BTreeMap<String, State<T>>) -> Result<(), Error> {
        for instrument in &mut self.list {
            if let Some(state) = states.remove(instrument.name) {
                instrument.diagnostic.restore(state).map_err(|error| match error {
                    SpectrumError::State(error) => Error::State(error),
                    source => TuneError::Spectrum { step: 0, source }.into(),
                })?;
            }
        }
        match states.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                let (expected, got) = ("no such diagnostic".to_owned(), "its state".to_owned());
                Err(StateError { owner: "diagnostics", name, expected, got }.into())
            }
        }
    }

    /// The names of those there are.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.list.iter().map(|instrument| instrument.name)
    }

    /// A step of this learning rate was taken.
    pub fn advance(&mut self, learning_rate: f64) {
        self.list.iter_mut().for_each(|instrument| instrument.diagnostic.advance(learning_rate));
    }
}

impl<T: Real> StepStart<T> {
    /// Of `step`, begun by an optimizer that before it was as `optimizer` is.
    pub fn behind(step: &Step<'_, T>, optimizer: Box<dyn Optimizer<T>>) -> Self {
        let [w, gradient, update] = [step.w(), step.gradient(), step.update()].map(<[T]>::to_vec);
        Self { w, gradient, update, optimizer }
    }

    /// Of a point, with its gradient and the update that a fresh `optimizer` makes of it.
    pub fn at(w: &[T], gradient: &[T], update: &[T], optimizer: Box<dyn Optimizer<T>>) -> Self {
        let [w, gradient, update] = [w, gradient, update].map(<[T]>::to_vec);
        Self { w, gradient, update, optimizer }
    }
}
