/// What one training step was and did. Everything speaks of the point before the update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// The step, counted from 0.
    pub step: u64,
    /// The loss at w.
    pub loss: f64,
    /// The learning rate eta of `w <- w + eta u`.
    pub learning_rate: f64,
    /// `g.u`, if somebody asked.
    pub slope: Option<f64>,
    /// `u.Hu`, if somebody asked.
    pub curvature: Option<f64>,
    /// `u.Hu` of a part of the batch, if somebody asked.
    pub part_curvature: Option<f64>,
    /// The largest eigenvalue of H, if somebody asked.
    pub sharpness: Option<f64>,
    /// The largest eigenvalue of `P^-1/2 H P^-1/2`, if somebody asked.
    pub preconditioned_sharpness: Option<f64>,
    /// Whether every spectrum measured at this step converged; true if none was measured. A tuner uses a sharpness that
    /// did not converge as it is: a lower bound, up to rounding.
    pub spectra_converged: bool,
    /// `|g|`
    pub gradient_norm: f64,
    /// `|u|`; the parameters moved by `|eta| |u|`.
    pub update_norm: f64,
    /// Cosine of the angle between u and the update before; `None` at the first step.
    pub update_cosine: Option<f64>,
    /// What the method spent in evaluations of the loss: the gradient and all that the tuner asked for.
    pub cost: f64,
    /// What was spent beyond that, on quantities that only a diagnostic asked for.
    pub diagnostics_cost: f64,
    /// Whether the objective still stands at w, where it was linearised: no trial led it away.
    pub is_linearized: bool,
}
