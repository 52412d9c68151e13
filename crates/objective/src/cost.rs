/// The cost of each probe in forward-equivalents: multiples of one evaluation of the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// One `linearize`: loss and gradient.
    pub linearize: f64,
    /// One `curvature` after a `linearize`.
    pub curvature: f64,
    /// One `hessian_vector` after a `linearize`.
    pub hessian_vector: f64,
    /// One `gauss_newton_vector` after a `linearize`.
    pub gauss_newton_vector: f64,
}

impl Costs {
    /// The usual counting for deep networks: a gradient is three forward passes, a curvature three more, H v four more, G v five.
    pub const NOMINAL: Self = Self { linearize: 3.0, curvature: 3.0, hessian_vector: 4.0, gauss_newton_vector: 5.0 };
}
