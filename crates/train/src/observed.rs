//! What a step leaves in its record.

use onedge_objective::Real;
use onedge_spectrum::alignment;
use onedge_tune::{Error as TuneError, Metric, Step, StepReport};

use crate::Diagnostics;
use crate::Record;

/// The record of a step: what it reports, with what was measured of the spectrum.
pub(crate) fn record(report: &StepReport, spectrum: Record, cost: f64, seconds: f64) -> Record {
    Record {
        step: report.step,
        loss: report.loss,
        learning_rate: report.learning_rate,
        gradient_norm: Some(report.gradient_norm),
        update_norm: Some(report.update_norm),
        slope: report.slope,
        curvature: report.curvature,
        sharpness: report.sharpness,
        preconditioned_sharpness: report.preconditioned_sharpness,
        update_cosine: report.update_cosine,
        cost,
        seconds,
        ..spectrum
    }
}

/// Measures what is due at this step; the record that comes back holds that and nothing else.
pub(crate) fn measure<T: Real>(what: &Diagnostics, number: u64, step: &mut Step<'_, T>) -> Result<Record, TuneError> {
    let mut record = Record::default();
    step.line().slope()?;
    if what.curvature {
        step.line().curvature()?;
    }
    let due = what.sharpness_every > 0 && number.is_multiple_of(what.sharpness_every);
    if due {
        step.measure_sharpness(Metric::Preconditioned)?;
        if what.hessian {
            step.measure_sharpness(Metric::Hessian)?;
        }
    }
    // A tuner may have measured it at a step where it was not due.
    let Some(spectrum) = step.spectrum(Metric::Preconditioned) else { return Ok(record) };
    record.products = Some(spectrum.products as u64);
    record.converged = Some(spectrum.converged());
    record.magnitude = spectrum.dominant().map(|pair| pair.value);
    let largest = spectrum.largest();
    record.residual = largest.map(|pair| pair.residual_bound);
    record.alignment = match (largest, step.preconditioner()) {
        (None, _) => None,
        (Some(pair), None) => Some(alignment::alignment(step.update(), &pair.vector)),
        (Some(pair), Some(diagonal)) => Some(
            alignment::preconditioned_alignment(step.update(), &pair.vector, diagonal)
                .map_err(|source| TuneError::Objective { step: number, source })?,
        ),
    };
    if what.lanczos.k > 1 {
        record.eigenvalues = spectrum.algebraic().map(|pair| pair.value).collect();
    }
    if let Some(hessian) = step.spectrum(Metric::Hessian).filter(|_| what.hessian && step.preconditioner().is_some()) {
        record.products = record.products.map(|products| products + hessian.products as u64);
        record.converged = record.converged.map(|converged| converged && hessian.converged());
    }
    Ok(record)
}
