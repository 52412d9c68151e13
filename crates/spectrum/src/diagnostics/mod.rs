//! Diagnostics: a point of a run in, named numbers out. One file each, one line in [`ALL`].

mod batch_sharpness;
mod critical_sharpness;
mod density;
mod diagnostic;
mod edge_against_greedy;
mod frobenius;
mod gauss_newton;
mod layers;
mod make;
mod noise_scale;
mod point;
mod reading;
mod settings;
mod sharpening;
mod step_sharpness;
mod top;
mod trace;

use onedge_objective::Real;
use onedge_registry::{Entry, Error as RegistryError, Settings};

pub use diagnostic::Diagnostic;
pub use make::{DiagnosticResult, Make};
pub use point::{Point, Setup, Step};
pub use reading::Reading;

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
    ALL.iter().copied().find(|entry| makes_reading(&entry.build, name))
}

/// Whether a diagnostic makes a reading of that name, its standard error included.
pub fn makes_reading(diagnostic: &Make, name: &str) -> bool {
    let fits = |pattern: &str, name: &str| match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
    };
    let name = name.strip_suffix("_error").unwrap_or(name);
    diagnostic.readings.iter().any(|pattern| fits(pattern, name))
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

/// Those of `entries` that `settings` ask for: whose cadence is not 0.
///
/// # Errors
/// A setting out of its range.
pub fn instruments<T: Real>(
    entries: &[&Entry<Make>],
    settings: &Settings,
) -> Result<Vec<Instrument<T>>, RegistryError> {
    let mut found = Vec::new();
    for entry in entries {
        let every = settings.count(entry.settings[0].key)? as u64;
        if every > 0 {
            found.push(Instrument { name: entry.name, every, diagnostic: entry.build.make(settings)? });
        }
    }
    Ok(found)
}
