//! Diagnostics: a point of a run in, named numbers out. One file each, one line in [`ALL`].

mod batch_sharpness;
mod critical_sharpness;
mod density;
mod edge_against_greedy;
mod frobenius;
mod gauss_newton;
mod layers;
mod noise_scale;
mod point;
mod sharpening;
mod step_sharpness;
mod top;
mod trace;

use onedge_objective::{Real, State, by_precision};
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Setting, Settings, setting};

use crate::{Error, Estimate, Sampling};

pub use point::{Point, Setup, Step};

/// One measured number.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What it is: `trace`, `layers.0.weight/sharpness`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its standard error, if it was sampled.
    pub standard_error: Option<f64>,
    /// For a density: its points, `(eigenvalue, weight)`.
    pub nodes: Vec<(f64, f64)>,
}

/// Something that is measured at a point, again and again along a run.
pub trait Diagnostic<T: Real>: Send {
    /// Measures the point.
    ///
    /// # Errors
    /// A value that is not finite; whatever the objective reports.
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error>;

    /// A step of this learning rate was taken, measured or not.
    fn advance(&mut self, learning_rate: f64) {
        let _ = learning_rate;
    }

    /// Everything that the next measurement depends on beside the point; nothing, as here, where each stands for itself.
    fn state(&self) -> State<T> {
        State::new()
    }

    /// Puts back what [`state`](Self::state) gave: the measurements that follow have the same bits.
    ///
    /// # Errors
    /// A state that another diagnostic made.
    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        Ok(state.reader("diagnostic").finish()?)
    }
}

/// A diagnostic, or the setting that is out of its range.
pub type Made<T> = Result<Box<dyn Diagnostic<T>>, RegistryError>;

/// What a diagnostic reads, and how it is made from the settings of all of them, for either float.
#[derive(Debug)]
pub struct Make {
    /// The names of its readings; `*` stands for what may differ, as in `top_*`.
    pub readings: &'static [&'static str],
    /// In single precision.
    pub f32: fn(&Settings) -> Made<f32>,
    /// In double precision.
    pub f64: fn(&Settings) -> Made<f64>,
}

/// Every diagnostic, in the order of listings. The first setting of each is its cadence.
pub static ALL: &[&Entry<Make>] = &[
    &top::ENTRY,
    &gauss_newton::ENTRY,
    &trace::ENTRY,
    &frobenius::ENTRY,
    &density::ENTRY,
    &layers::ENTRY,
    &step_sharpness::ENTRY,
    &critical_sharpness::ENTRY,
    &edge_against_greedy::ENTRY,
    &batch_sharpness::ENTRY,
    &batch_sharpness::UPDATE,
    &noise_scale::ENTRY,
    &sharpening::ENTRY,
];

/// The diagnostic that makes a reading of that name, its standard error included.
pub fn of_reading(name: &str) -> Option<&'static Entry<Make>> {
    let fits = |pattern: &str, name: &str| match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
    };
    let name = name.strip_suffix("_error").unwrap_or(name);
    ALL.iter().copied().find(|entry| entry.build.readings.iter().any(|pattern| fits(pattern, name)))
}

/// A diagnostic and how often it is due.
pub struct Instrument<T: Real> {
    /// Its name.
    pub name: &'static str,
    /// Every so many steps, 1 or more.
    pub every: u64,
    /// What measures.
    pub diagnostic: Box<dyn Diagnostic<T>>,
}

/// The diagnostics that `settings` ask for: those whose cadence is not 0.
///
/// # Errors
/// A setting out of its range.
pub fn instruments<T: Real>(settings: &Settings) -> Result<Vec<Instrument<T>>, RegistryError> {
    let mut found = Vec::new();
    for entry in ALL {
        let every = settings.count(entry.settings[0].key)? as u64;
        if every > 0 {
            found.push(Instrument { name: entry.name, every, diagnostic: entry.build.make(settings)? });
        }
    }
    Ok(found)
}

impl Make {
    fn make<T: Real>(&self, settings: &Settings) -> Made<T> {
        by_precision::<T, _, _, _, _>(|| (self.f32)(settings), || (self.f64)(settings))
    }
}

impl Reading {
    /// An exact number.
    fn exact(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value, standard_error: None, nodes: Vec::new() }
    }

    /// A sampled one.
    fn sampled(name: impl Into<String>, estimate: Estimate) -> Self {
        Self { standard_error: Some(estimate.standard_error), ..Self::exact(name, estimate.value) }
    }
}

/// The cadence of a diagnostic.
const fn every(key: &'static str) -> Setting {
    setting(key, Kind::Integer, Default::Is("0"), "measure it every so many steps; 0: never")
}

/// The largest number of samples.
const fn samples(key: &'static str, default: &'static str) -> Setting {
    setting(key, Kind::Integer, Default::Is(default), "samples at most, 16 or more")
}

/// The relative standard error at which sampling stops.
const fn relative_error(key: &'static str) -> Setting {
    setting(key, Kind::Number, Default::Is("0.0"), "stop early at this relative standard error; 0: never")
}

/// The size of sampled batches.
const fn batch(key: &'static str) -> Setting {
    setting(key, Kind::Integer, Default::Absent, "examples of a sampled batch; that of the run if absent")
}

/// The error at which a Lanczos run stops.
const fn eigenvalue_error(key: &'static str) -> Setting {
    setting(key, Kind::Number, Default::Is("0.001"), "estimated relative error of the eigenvalue at which to stop")
}

/// The setting of such an error.
fn tolerance(settings: &Settings, key: &str) -> Result<f64, RegistryError> {
    settings.number_where(key, "a number between 0 and 1", |x| x > 0.0 && x < 1.0)
}

/// Samples at least: fewer say little about their own error.
const LEAST: usize = 16;

/// The sampling that two settings ask for, with seed 0, of so many samples at least.
fn sampling(settings: &Settings, samples: &str, error: &str, least: usize) -> Result<Sampling, RegistryError> {
    let max_samples = settings.count(samples)?;
    if max_samples < least {
        return Err(settings.out_of_range(samples, &format!("a whole number, {least} or more")));
    }
    let relative_error = settings.number_where(error, "a finite number, 0 or more", |x| x >= 0.0 && x.is_finite())?;
    Ok(Sampling { min_samples: least, max_samples, relative_error, seed: 0 })
}

/// A whole number, 1 or more.
fn positive(settings: &Settings, key: &str) -> Result<usize, RegistryError> {
    match settings.count(key)? {
        0 => Err(settings.out_of_range(key, "a whole number, 1 or more")),
        count => Ok(count),
    }
}
