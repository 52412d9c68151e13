//! A line with given answers, for the worked examples.

use crate::{BatchLine, Change, Error, Form, Line, Sharpness, Trial};

/// The quadratic `loss + eta slope + eta^2 curvature / 2`.
pub(super) struct Fixed {
    pub(super) step: u64,
    pub(super) loss: f64,
    pub(super) slope: f64,
    pub(super) curvature: f64,
    pub(super) part_curvature: f64,
    pub(super) gauss_newton: f64,
    pub(super) batch: BatchLine,
    /// The trace, and the square of the Frobenius norm.
    pub(super) over_signs: [f64; 2],
    /// Random vectors asked for.
    pub(super) samples: usize,
    pub(super) gradient_norm: f64,
    pub(super) update_norm: f64,
    pub(super) parameter_norm: f64,
    pub(super) distance: f64,
    pub(super) change: Option<Change>,
    pub(super) sharpness: f64,
    pub(super) converged: bool,
    pub(super) cosine: Option<f64>,
    pub(super) previous: Option<f64>,
    pub(super) undefined_beyond: f64,
    /// Beyond it the slope alone is undefined.
    pub(super) steep_beyond: f64,
}

impl Fixed {
    /// Loss 1, at the first step.
    pub(super) fn new(slope: f64, curvature: f64) -> Self {
        Self {
            step: 0,
            loss: 1.0,
            slope,
            curvature,
            part_curvature: f64::NAN,
            gauss_newton: f64::NAN,
            batch: BatchLine { descent: f64::NAN, curvature: f64::NAN },
            over_signs: [f64::NAN; 2],
            samples: 0,
            gradient_norm: 1.0,
            update_norm: 1.0,
            parameter_norm: 0.0,
            distance: 0.0,
            change: None,
            sharpness: 1.0,
            converged: true,
            cosine: None,
            previous: None,
            undefined_beyond: f64::INFINITY,
            steep_beyond: f64::INFINITY,
        }
    }

    /// At the step after one with this rate.
    pub(super) fn after(self, previous: f64) -> Self {
        Self { step: 1, previous: Some(previous), ..self }
    }

    pub(super) fn with_cosine(self, cosine: f64) -> Self {
        Self { cosine: Some(cosine), ..self }
    }

    /// At the step after one with this rate, over which step and gradient changed so.
    pub(super) fn after_change(self, previous: f64, step_square: f64, product: f64, gradient_square: f64) -> Self {
        Self { change: Some(Change { step_square, product, gradient_square }), ..self.after(previous) }
    }

    pub(super) fn with_sharpness(self, sharpness: f64) -> Self {
        Self { sharpness, ..self }
    }
}

impl Line for Fixed {
    fn step(&self) -> u64 {
        self.step
    }

    fn loss(&self) -> f64 {
        self.loss
    }

    fn slope(&mut self) -> Result<f64, Error> {
        Ok(self.slope)
    }

    fn curvature(&mut self) -> Result<f64, Error> {
        Ok(self.curvature)
    }

    fn part_curvature(&mut self) -> Result<f64, Error> {
        Ok(self.part_curvature)
    }

    fn gauss_newton_curvature(&mut self) -> Result<f64, Error> {
        Ok(self.gauss_newton)
    }

    fn batch_line(&mut self) -> Result<BatchLine, Error> {
        Ok(self.batch)
    }

    fn over_signs(&mut self, form: Form, samples: usize) -> Result<f64, Error> {
        self.samples += samples;
        Ok(self.over_signs[usize::from(form == Form::Squares)])
    }

    fn value(&mut self, rate: f64) -> Result<f64, Error> {
        let quadratic = self.loss + rate * self.slope + 0.5 * rate * rate * self.curvature;
        Ok(if rate > self.undefined_beyond { f64::NAN } else { quadratic })
    }

    fn gradient_norm(&mut self) -> Result<f64, Error> {
        Ok(self.gradient_norm)
    }

    fn update_norm(&mut self) -> Result<f64, Error> {
        Ok(self.update_norm)
    }

    fn sharpness(&mut self) -> Result<Sharpness, Error> {
        Ok(Sharpness { value: self.sharpness, converged: self.converged })
    }

    fn previous_cosine(&mut self) -> Option<f64> {
        self.cosine
    }

    fn previous_learning_rate(&self) -> Option<f64> {
        self.previous
    }

    fn trial(&mut self, rate: f64) -> Result<Trial, Error> {
        let slope = if rate > self.steep_beyond { f64::NAN } else { self.slope + rate * self.curvature };
        Ok(Trial { value: self.value(rate)?, slope })
    }

    fn change(&mut self) -> Result<Option<Change>, Error> {
        Ok(self.change)
    }

    fn distance(&mut self) -> Result<Option<f64>, Error> {
        Ok(Some(self.distance))
    }

    fn parameter_norm(&mut self) -> Result<f64, Error> {
        Ok(self.parameter_norm)
    }
}
