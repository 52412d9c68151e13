/// What the model is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Progressive sharpening: how fast the sharpness grows, per unit of learning rate.
    pub a: f64,
    /// Self-stabilisation: how fast it falls, per unit of learning rate and of `x^2`.
    pub b: f64,
    /// The second eigenvalue, which stays.
    pub nu: f64,
}

/// Which displacement the sharpness of equation (4) reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The old one: `lambda+ = lambda + eta (a - b x^2)`. At a constant rate an unstable spiral, see
    /// [`spiral`](crate::spiral).
    Printed,
    /// The new one: `lambda+ = lambda + eta (a - b (x+)^2)`. At a constant rate it keeps areas in the plane of `ln p`
    /// and `y`, so that its orbits stay bounded. Differs from the paper.
    SemiImplicit,
}

/// Where the model stands before a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// The learning rate of the step.
    pub eta: f64,
    /// The sharpness.
    pub lambda: f64,
    /// The displacement along the top eigenvector.
    pub x: f64,
    /// That along the second one; `q = z^2`.
    pub z: f64,
    /// The gradient's two components, `lambda x` and `nu z` unless there is noise.
    pub gradient: [f64; 2],
}

impl State {
    /// Without noise.
    pub fn new(eta: f64, lambda: f64, x: f64, z: f64, nu: f64) -> Self {
        Self { eta, lambda, x, z, gradient: [lambda * x, nu * z] }
    }

    /// `p = x^2`
    pub fn p(&self) -> f64 {
        self.x * self.x
    }

    /// `q = z^2`
    pub fn q(&self) -> f64 {
        self.z * self.z
    }

    /// `y = eta lambda - 2`: 0 on the edge of stability.
    pub fn y(&self) -> f64 {
        self.eta * self.lambda - 2.0
    }
}

/// One step of equation (4), and of `z+ = (1 - eta nu) z` beside it. The rate stays: the next one is a tuner's.
pub fn advance(state: &State, parameters: &Parameters, time: Time) -> State {
    let &Parameters { a, b, nu } = parameters;
    let eta = state.eta;
    let x = state.x - eta * state.gradient[0];
    let z = state.z - eta * state.gradient[1];
    let pressing = match time {
        Time::Printed => state.x,
        Time::SemiImplicit => x,
    };
    let lambda = state.lambda + eta * (a - b * pressing * pressing);
    State::new(eta, lambda, x, z, nu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_by_hand() {
        let parameters = Parameters { a: 0.25, b: 0.5, nu: 0.5 };
        let state = State::new(0.5, 3.0, 2.0, 4.0, parameters.nu);
        assert_eq!((state.p(), state.q(), state.y()), (4.0, 16.0, -0.5));
        // x+ = -0.5 * 2, z+ = 0.75 * 4; lambda+ = 3 + 0.5 (0.25 - 0.5 * 4), or 3 + 0.5 (0.25 - 0.5 * 1)
        let next = advance(&state, &parameters, Time::Printed);
        assert_eq!((next.x, next.z, next.lambda, next.eta), (-1.0, 3.0, 2.125, 0.5));
        assert_eq!(next.gradient, [-2.125, 1.5]);
        assert_eq!(advance(&state, &parameters, Time::SemiImplicit).lambda, 2.875);
    }
}
