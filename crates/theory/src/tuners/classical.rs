use crate::State;
use crate::tuners::Tuner;

/// What a linesearch or the greedy rule come to in the model: `eta = 2 (1 - e) / lambda`, a share `e` below the edge.
///
/// So `y = -2e` at every step; the same rule without the sharpness is
/// [`classical_rate`](crate::reduced::classical_rate). It has no answer for a sharpness of 0; one below gives a
/// negative rate, which ends a run.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, equation 6. Differs from the paper: its text gives `y = -e`.
#[derive(Debug, Clone, Copy)]
pub struct Classical {
    e: f64,
}

impl Classical {
    /// A share `e` below the edge, 0 to 1.
    pub fn new(e: f64) -> Self {
        Self { e }
    }

    /// `eta = 1.9 / lambda`
    pub fn paper() -> Self {
        Self::new(0.05)
    }
}

impl Tuner for Classical {
    fn rate(&self, _: &State, after: &State) -> f64 {
        2.0 * (1.0 - self.e) / after.lambda
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn y_is_minus_two_e() {
        let mut state = State::new(f64::NAN, 7.3, 1.0, 0.0, 0.0);
        state.eta = Classical::paper().rate(&state, &state);
        assert!((state.y() + 0.1).abs() < 1e-15 && (state.eta * 7.3 - 1.9).abs() < 1e-15);
    }
}
