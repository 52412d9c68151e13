use crate::Error;

/// A largest eigenvalue, and whether it had converged when the products ran out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpness {
    /// The eigenvalue.
    pub value: f64,
    /// Whether its residual met the tolerance.
    pub converged: bool,
}

/// What a tuner may ask about the current step: the loss along `w + eta u`, never tensors.
///
/// Every quantity is computed when first asked and then kept; its cost is counted for whoever asked first.
/// The costs named here are in evaluations of the loss, with C standing for `Objective::costs()`.
pub trait Line {
    /// The step, counted from 0. Free.
    fn step(&self) -> u64;

    /// The loss at w. Free: the gradient pass gave it.
    fn loss(&self) -> f64;

    /// `g.u`, negative for a descent direction. Cost: a dot product.
    ///
    /// # Errors
    /// Here and below: a value that is not finite, or whatever the objective reports.
    fn slope(&mut self) -> Result<f64, Error>;

    /// `u.Hu`. Cost: `C.curvature`.
    fn curvature(&mut self) -> Result<f64, Error>;

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
}
