use onedge_objective::{Probe, Real, vector};
use onedge_spectrum::Spectrum;

use crate::probes::{Center, Payer, Probes, ratio};
use crate::progress::Progress;
use crate::{Error, Line, Metric, StepReport, Tuner};

/// A step under way: gradient and update are known, the parameters have not moved.
pub struct Step<'a, T: Real> {
    probes: Probes<'a, T>,
    tuner: &'a mut dyn Tuner,
    progress: &'a mut Progress,
    learning_rate: Option<f64>,
}

impl<'a, T: Real> Step<'a, T> {
    pub(crate) fn new(probes: Probes<'a, T>, tuner: &'a mut dyn Tuner, progress: &'a mut Progress) -> Self {
        Self { probes, tuner, progress, learning_rate: None }
    }

    /// For diagnostics: the same line that the tuner sees. What the tuner asks too is computed once and is on its bill.
    pub fn line(&mut self) -> &mut dyn Line {
        &mut self.probes
    }

    /// The top of the spectrum at w, measured once a step and shared with the tuner. Without a preconditioner,
    /// [`Metric::Preconditioned`] is the Hessian itself.
    ///
    /// # Errors
    /// A product that is not finite, a preconditioner that is not positive.
    pub fn measure_sharpness(&mut self, metric: Metric) -> Result<&Spectrum<T>, Error> {
        self.probes.spectrum(metric)
    }

    /// The spectrum, if anybody measured it at this step.
    pub fn spectrum(&self, metric: Metric) -> Option<&Spectrum<T>> {
        let scaled = metric == Metric::Preconditioned && self.probes.preconditioner.is_some();
        let asked = &self.probes.asked;
        if scaled { asked.preconditioned.value.as_ref() } else { asked.hessian.value.as_ref() }
    }

    /// The parameters.
    pub fn w(&self) -> &[T] {
        self.probes.w
    }

    /// The gradient g at w.
    pub fn gradient(&self) -> &[T] {
        self.probes.gradient
    }

    /// The update u at unit learning rate.
    pub fn update(&self) -> &[T] {
        self.probes.update
    }

    /// The update of the step before.
    pub fn previous_update(&self) -> Option<&[T]> {
        self.probes.previous.as_ref().map(|previous| previous.update)
    }

    /// The optimizer's diagonal preconditioner P.
    pub fn preconditioner(&self) -> Option<&[T]> {
        self.probes.preconditioner
    }

    /// The learning rate of this step; the tuner is asked once.
    ///
    /// # Errors
    /// Those of the tuner; a rate that is not finite.
    pub fn learning_rate(&mut self) -> Result<f64, Error> {
        if let Some(rate) = self.learning_rate {
            return Ok(rate);
        }
        self.probes.payer = Payer::Tuner;
        let rate = self.tuner.learning_rate(&mut self.probes)?;
        self.probes.payer = Payer::Diagnostics;
        let rate = Error::require_finite(self.probes.step, Probe::LearningRate, rate)?;
        self.learning_rate = Some(rate);
        Ok(rate)
    }

    /// Moves the parameters, `w <- w + eta u`, and reports.
    ///
    /// # Errors
    /// Those of [`learning_rate`](Self::learning_rate).
    pub fn finish(mut self) -> Result<StepReport, Error> {
        let learning_rate = self.learning_rate()?;
        let Self { probes, progress, .. } = self;
        vector::axpy(learning_rate, probes.update, probes.w);
        let spent = probes.asked.spent();
        let cost = probes.objective.costs().linearize + spent.tuner;
        let top = |spectrum: &Option<Spectrum<T>>| spectrum.as_ref().and_then(Spectrum::largest).map(|pair| pair.value);
        let converged = |spectrum: &Option<Spectrum<T>>| spectrum.as_ref().is_none_or(Spectrum::converged);
        let update_cosine = probes.previous.as_ref().map(|previous| {
            ratio(vector::dot(probes.update, previous.update), probes.update_norm * previous.update_norm)
        });
        *progress = Progress {
            steps: progress.steps + 1,
            learning_rate,
            update_norm: probes.update_norm,
            cost: progress.cost + cost,
            parts: progress.parts
                + u64::from(probes.asked.part_curvature.value.is_some() || probes.asked.batch_line.value.is_some()),
            diagnostics_cost: progress.diagnostics_cost + spent.diagnostics,
        };
        Ok(StepReport {
            step: probes.step,
            loss: probes.loss,
            learning_rate,
            slope: probes.asked.slope,
            curvature: probes.asked.curvature.value,
            part_curvature: probes.asked.part_curvature.value,
            sharpness: top(&probes.asked.hessian.value),
            preconditioned_sharpness: top(&probes.asked.preconditioned.value),
            spectra_converged: converged(&probes.asked.hessian.value) && converged(&probes.asked.preconditioned.value),
            gradient_norm: probes.gradient_norm,
            update_norm: probes.update_norm,
            update_cosine,
            cost,
            diagnostics_cost: spent.diagnostics,
            is_linearized: probes.center == Center::Parameters,
        })
    }
}
