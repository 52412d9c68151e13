use onedge_objective::Real;
use onedge_registry::{Entry, Error as RegistryError, Settings};

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::{LEAST, every, relative_error, samples, sampling};
use crate::{Error, Sampling, frobenius};

/// The Frobenius norm of the Hessian, by [`frobenius`].
#[derive(Debug)]
struct Frobenius {
    sampling: Sampling,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "frobenius",
    summary: "Frobenius norm of the Hessian, sampled",
    doc: "|H|_F = sqrt(E|H z|^2) over random signs z: the root of the sum of all squared eigenvalues. Reading: frobenius, \
          with its standard error. Cost: one product with H a sample. Source: Hutchinson 1989, for the trace of H^2.",
    settings: &[every("frobenius_every"), samples("frobenius_samples", "32"), relative_error("frobenius_error")],
    build: Make {
        readings: &["frobenius"],
        f32: |settings| Ok(Box::new(make(settings)?)),
        f64: |settings| Ok(Box::new(make(settings)?)),
    },
};

fn make(settings: &Settings) -> Result<Frobenius, RegistryError> {
    Ok(Frobenius { sampling: sampling(settings, "frobenius_samples", "frobenius_error", LEAST)? })
}

impl<T: Real> Diagnostic<T> for Frobenius {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let sampling = Sampling { seed: point.seed, ..self.sampling };
        Ok(vec![Reading::sampled("frobenius", point.with_hessian(|hessian| frobenius(hessian, &sampling))?)])
    }
}
