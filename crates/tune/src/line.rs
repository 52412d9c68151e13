use onedge_spectrum::Form;

use crate::{Conditions, Error};

/// A largest eigenvalue, and whether it had converged when the products ran out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpness {
    /// The eigenvalue.
    pub value: f64,
    /// Whether its estimated error met the tolerance.
    pub converged: bool,
}

/// What changed over the step before: `s = w - w_previous = eta u` and `y = g - g_previous`.
///
/// In mini-batches the two gradients are of different batches, so y is the change along s plus the difference of two
/// batches. Rules made of s and y take it all for curvature, and as the second part does not shrink with s, a rate like
/// `|s| / |y|` shrinks with every step, down to nothing: they are meant for the full batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// `|s|^2`
    pub step_square: f64,
    /// `s.y`
    pub product: f64,
    /// `|y|^2`
    pub gradient_square: f64,
}

/// Slope and curvature of a mini-batch B along the update that its own gradient would make under the optimizer's preconditioner,
/// `s = -P^-1 g_B`; without a preconditioner `s = -g_B`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchLine {
    /// `-g_B . s`, 0 or more: `|g_B|^2` without a preconditioner.
    pub descent: f64,
    /// `s . H_B s`
    pub curvature: f64,
}

/// The loss and its slope along u at a trial point `w + eta u`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// The loss; NaN or infinite where it is.
    pub value: f64,
    /// `g(w + eta u) . u`; NaN where the loss or the gradient is not finite.
    pub slope: f64,
}

/// What a trainer has to do for a tuner: to keep vectors, each as long as the parameters; to divide the batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// The gradient of the step before, for [`Line::change`].
    pub previous_gradient: bool,
    /// The parameters of the first step, for [`Line::distance`].
    pub first_point: bool,
    /// An update that leads downhill: where it does not, in full batch, an optimizer that
    /// [can](crate::Optimizer::restart) forgets the directions of earlier steps.
    pub descent: bool,
    /// The number of equal parts of the batch of which [`Line::part_curvature`] and [`Line::batch_line`] take one at a time, 1 or more.
    pub parts: Option<usize>,
}

/// What a tuner may ask about the current step: the loss along `w + eta u`, never tensors.
///
/// Every quantity is computed when first asked and then kept; its cost is counted for whoever asked first.
/// The costs named here are in evaluations of the loss, with C standing for `Objective::costs()`.
pub trait Line {
    /// The step, counted from 0. Free.
    fn step(&self) -> u64;

    /// What is known of the run beforehand: the same at every step. Free.
    fn conditions(&self) -> Conditions {
        Conditions::UNKNOWN
    }

    /// The relative rounding of the numbers that the loss is made of: the machine epsilon of the run's precision. Free.
    fn rounding(&self) -> f64 {
        f64::EPSILON
    }

    /// Whether the optimizer's update led uphill and the optimizer forgot earlier directions for it, which it does for a tuner
    /// that [needs](crate::Tuner::needs) descent. Free.
    fn restarted(&self) -> bool {
        false
    }

    /// The loss at w. Free: the gradient pass gave it.
    fn loss(&self) -> f64;

    /// `g.u`, negative for a descent direction. Cost: a dot product.
    ///
    /// # Errors
    /// Here and below: a value that is not finite, or whatever the objective reports.
    fn slope(&mut self) -> Result<f64, Error>;

    /// `u.Hu`. Cost: `C.curvature`.
    fn curvature(&mut self) -> Result<f64, Error>;

    /// `u.Hu` of one part of the batch, of as many as the tuner [needs](crate::Tuner::needs); every step that asks gets the next part.
    /// Cost: `C.curvature` by the share of the examples that is in the part.
    ///
    /// # Errors
    /// As above; an objective that is no mean over examples; a tuner that needs no parts.
    fn part_curvature(&mut self) -> Result<f64, Error>;

    /// `u.Gu` with the Gauss-Newton matrix G. Cost: `C.gauss_newton_vector`.
    ///
    /// # Errors
    /// As above; an objective that knows of no outputs.
    fn gauss_newton_curvature(&mut self) -> Result<f64, Error>;

    /// Slope and curvature of a mini-batch along its own gradient: of one part of the batch where the tuner
    /// [needs](crate::Tuner::needs) parts, the same part as [`part_curvature`](Self::part_curvature) has; else of the batch of this
    /// step. Cost: `C.curvature`, of a part `C.linearize + C.curvature` by its share of the examples.
    ///
    /// # Errors
    /// As above; an objective that is no mean over examples, where parts are needed.
    fn batch_line(&mut self) -> Result<BatchLine, Error>;

    /// The mean over `samples` random vectors of signs z, 2 or more, of `z . A z` or of `|A z|^2`, by `form`: an estimate of `tr A` or
    /// of `|A|_F^2` without bias. A is H or, if the optimizer has a preconditioner P, `P^-1/2 H P^-1/2`. The vectors follow the run's
    /// seed and the step. Cost: `C.hessian_vector` a sample, for every call.
    ///
    /// # Errors
    /// As above.
    fn over_signs(&mut self, form: Form, samples: usize) -> Result<f64, Error>;

    /// The loss at `w + learning_rate u`; NaN or infinite where the loss is, which is no error here.
    /// Cost: one loss for every call.
    fn value(&mut self, learning_rate: f64) -> Result<f64, Error>;

    /// `|g|`. Free.
    fn gradient_norm(&mut self) -> Result<f64, Error>;

    /// `|u|`. Free.
    fn update_norm(&mut self) -> Result<f64, Error>;

    /// The largest eigenvalue of H or, if the optimizer has a preconditioner P, of `P^-1/2 H P^-1/2`: the one whose
    /// product with the learning rate has its edge at `Optimizer::edge`. Cost: `C.hessian_vector` a Lanczos step.
    fn sharpness(&mut self) -> Result<Sharpness, Error>;

    /// `cos(g, u)` between this gradient and the update before; `None` at the first step. Cost: a dot product.
    fn previous_cosine(&mut self) -> Option<f64>;

    /// The learning rate of the step before; `None` at the first step. Free.
    fn previous_learning_rate(&self) -> Option<f64>;

    /// The loss and the slope at `w + learning_rate u`; what is not finite is no error here. It moves the point at
    /// which the objective is linearised: curvature or sharpness asked afterwards linearise at w once more.
    /// Cost: `C.linearize` for every call, and `C.linearize` for whoever asks what must be linearised at w again.
    fn trial(&mut self, learning_rate: f64) -> Result<Trial, Error>;

    /// What changed over the step before; `None` at the first step, and unless the tuner
    /// [needs](crate::Tuner::needs) the previous gradient. Cost: two dot products.
    fn change(&mut self) -> Result<Option<Change>, Error>;

    /// `|w - w_first|`, 0 at the first step; `None` unless the tuner [needs](crate::Tuner::needs) the first point.
    /// Cost: a dot product.
    fn distance(&mut self) -> Result<Option<f64>, Error>;

    /// `|w|`. Cost: a dot product.
    fn parameter_norm(&mut self) -> Result<f64, Error>;
}
