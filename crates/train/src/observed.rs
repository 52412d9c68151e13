//! What a step leaves in its record.

use onedge_objective::Real;
use onedge_spectrum::alignment;
use onedge_tune::{Metric, Step, StepReport};

use crate::Diagnostics;
use crate::Record;
use crate::missing::Missing;

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

/// Measures what is wanted at this step, the spectrum if it is due; the record that comes back holds that and nothing else. What has no value is noted as missing.
pub(crate) fn measure<T: Real>(what: &Diagnostics, due: bool, step: &mut Step<'_, T>, missing: &mut Missing) -> Record {
    let mut record = Record::default();
    missing.keep("slope", step.line().slope());
    if what.curvature {
        missing.keep("curvature", step.line().curvature());
    }
    if due {
        let scaled = step.preconditioner().is_some();
        let name = if scaled { "preconditioned_sharpness" } else { "sharpness" };
        missing.keep(name, step.measure_sharpness(Metric::Preconditioned).map(drop));
        if what.hessian && scaled {
            missing.keep("sharpness", step.measure_sharpness(Metric::Hessian).map(drop));
        }
    }
    // A tuner may have measured it at a step where it was not due.
    let Some(spectrum) = step.spectrum(Metric::Preconditioned) else { return record };
    record.products = Some(spectrum.products as u64);
    record.converged = Some(spectrum.converged());
    record.magnitude = spectrum.dominant().map(|pair| pair.value);
    let largest = spectrum.largest();
    record.residual = largest.map(|pair| pair.residual_bound);
    record.alignment = match (largest, step.preconditioner()) {
        (None, _) => None,
        (Some(pair), None) => Some(alignment::alignment(step.update(), &pair.vector)),
        (Some(pair), Some(diagonal)) => {
            missing.keep("alignment", alignment::preconditioned_alignment(step.update(), &pair.vector, diagonal))
        }
    };
    if what.lanczos.k > 1 {
        record.eigenvalues = spectrum.algebraic().map(|pair| pair.value).collect();
    }
    if let Some(hessian) = step.spectrum(Metric::Hessian).filter(|_| what.hessian && step.preconditioner().is_some()) {
        record.products = record.products.map(|products| products + hessian.products as u64);
        record.converged = record.converged.map(|converged| converged && hessian.converged());
    }
    record
}
