use crate::State;
use crate::tuners::Tuner;

/// Which step's gradient the rate is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lag {
    /// The last step's, as equation (10) is printed: `eta_{t+1}` of what there was at time t.
    Printed,
    /// The step's own, as the algorithm does it. Differs from the paper's equation.
    None,
}

/// `eta = sigma (lambda^2 p + nu^2 q) / (lambda^3 p + nu^3 q)`: CDAT where the Hessian has two eigenvectors.
///
/// That is `sigma |g|^2 / (g . H g)` with the gradient `g = (lambda x, nu z)`. Written so, it holds with noise in the
/// gradient too. It has no answer once the gradient is 0, or below the smallest numbers.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, equation 10.
#[derive(Debug, Clone, Copy)]
pub struct Cdat {
    sigma: f64,
    lag: Lag,
    nu: f64,
}

impl Cdat {
    /// With the second eigenvalue `nu`.
    pub fn new(sigma: f64, lag: Lag, nu: f64) -> Self {
        Self { sigma, lag, nu }
    }
}

impl Tuner for Cdat {
    fn rate(&self, before: &State, after: &State) -> f64 {
        let State { lambda, gradient: [top, second], .. } = match self.lag {
            Lag::Printed => *before,
            Lag::None => *after,
        };
        // The squares of a small gradient would vanish long before the gradient does.
        let size = top.abs().max(second.abs());
        let (n, m) = ((top / size).powi(2), (second / size).powi(2));
        self.sigma * (n + m) / (lambda * n + self.nu * m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_equation_10() {
        let (before, after) = (State::new(0.1, 18.0, 2.0, -1.5, 0.1), State::new(0.1, 18.5, 0.3, 1.4, 0.1));
        for (lag, State { lambda, x, z, .. }) in [(Lag::Printed, before), (Lag::None, after)] {
            let (p, q) = (x * x, z * z);
            let printed = 1.9 * (lambda.powi(2) * p + 0.01 * q) / (lambda.powi(3) * p + 0.001 * q);
            assert!((Cdat::new(1.9, lag, 0.1).rate(&before, &after) / printed - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn along_one_eigenvector_it_is_sigma_over_its_eigenvalue() {
        let top = State::new(0.1, 8.0, 1e-200, 0.0, 0.5);
        let second = State::new(0.1, 8.0, 0.0, 1e-200, 0.5);
        let cdat = Cdat::new(2.0, Lag::None, 0.5);
        assert_eq!((cdat.rate(&second, &top), cdat.rate(&top, &second)), (0.25, 4.0));
        assert!(cdat.rate(&top, &State::new(0.1, 8.0, 0.0, 0.0, 0.5)).is_nan());
    }
}
