//! Settings that several diagnostics have, and what they must be.

use onedge_registry::{Default, Error as RegistryError, Kind, Setting, Settings, setting};

use crate::Sampling;

/// The cadence of a diagnostic.
pub(super) const fn every(key: &'static str) -> Setting {
    setting(key, Kind::Integer, Default::Is("0"), "measure it every so many steps; 0: never")
}

/// The largest number of samples.
pub(super) const fn samples(key: &'static str, default: &'static str) -> Setting {
    setting(key, Kind::Integer, Default::Is(default), "samples at most, 16 or more")
}

/// The relative standard error at which sampling stops.
pub(super) const fn relative_error(key: &'static str) -> Setting {
    setting(key, Kind::Number, Default::Is("0.0"), "stop early at this relative standard error; 0: never")
}

/// The size of sampled batches.
pub(super) const fn batch(key: &'static str) -> Setting {
    setting(key, Kind::Integer, Default::Absent, "examples of a sampled batch; that of the run if absent")
}

/// The error at which a Lanczos run stops.
pub(super) const fn eigenvalue_error(key: &'static str) -> Setting {
    setting(key, Kind::Number, Default::Is("0.001"), "estimated relative error of the eigenvalue at which to stop")
}

/// The setting of such an error.
pub(super) fn tolerance(settings: &Settings, key: &str) -> Result<f64, RegistryError> {
    settings.number_where(key, "a number between 0 and 1", |x| x > 0.0 && x < 1.0)
}

/// Samples at least: fewer say little about their own error.
pub(super) const LEAST: usize = 16;

/// The sampling that two settings ask for, with seed 0, of so many samples at least.
pub(super) fn sampling(
    settings: &Settings,
    samples: &str,
    error: &str,
    least: usize,
) -> Result<Sampling, RegistryError> {
    let max_samples = settings.count(samples)?;
    if max_samples < least {
        return Err(settings.out_of_range(samples, &format!("a whole number, {least} or more")));
    }
    let relative_error = settings.number_where(error, "a finite number, 0 or more", |x| x >= 0.0 && x.is_finite())?;
    Ok(Sampling { min_samples: least, max_samples, relative_error, seed: 0 })
}

/// The sampling of batches that two settings ask for. It is looked at after 32 samples for the first time: a few batches with large
/// gradients decide, and fewer samples agree most often where none of these is among them.
pub(super) fn batch_sampling(settings: &Settings, samples: &str, error: &str) -> Result<Sampling, RegistryError> {
    let sampling = sampling(settings, samples, error, LEAST)?;
    Ok(Sampling { min_samples: sampling.max_samples.min(2 * LEAST), ..sampling })
}

/// A whole number, 1 or more.
pub(super) fn positive(settings: &Settings, key: &str) -> Result<usize, RegistryError> {
    match settings.count(key)? {
        0 => Err(settings.out_of_range(key, "a whole number, 1 or more")),
        count => Ok(count),
    }
}
