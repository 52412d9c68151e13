//! Noise. **Ours: neither the paper nor its sources have it**; it asks what mini-batches would do to the model.
//!
//! - Gradient noise of deviation `s`: each step reads `g = (lambda x + s n1, nu z + s n2)`. Both the displacement and
//!   CDAT's rate are made of it, as they are of one mini-batch, and `p` no longer dies out.
//! - Displacement noise of deviation `r`: `x` is shifted by `r n3` after each step, whatever the rate.
//!
//! `n1`, `n2`, `n3` are independent, normal, drawn anew at each step and fixed by the seed.

use crate::State;

/// How much noise there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Standard deviation of each component of the gradient.
    pub gradient: f64,
    /// Standard deviation of the shift of `x` after each step.
    pub displacement: f64,
    /// The same seed gives the same run.
    pub seed: u64,
}

impl Noise {
    /// The papers' model.
    pub const NONE: Self = Self { gradient: 0.0, displacement: 0.0, seed: 0 };

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.gradient == 0.0 && self.displacement == 0.0
    }
}

/// Draws the noise of one run.
#[derive(Debug)]
pub(crate) struct Source {
    noise: Noise,
    counter: u64,
}

impl Source {
    pub fn new(noise: Noise) -> Self {
        Self { noise, counter: noise.seed.wrapping_mul(0xd134_2543_de82_ef95) }
    }

    /// Shifts `x` and makes the gradient noisy; without noise, leaves the very bits alone.
    pub fn disturb(&mut self, state: &mut State, nu: f64) {
        let Noise { gradient, displacement, .. } = self.noise;
        if self.noise.is_none() {
            return;
        }
        let ([n1, n2], [n3, _]) = (self.normals(), self.normals());
        state.x += displacement * n3;
        state.gradient = [state.lambda * state.x + gradient * n1, nu * state.z + gradient * n2];
    }

    /// Two independent normal numbers, by the method of Box and Muller.
    pub fn normals(&mut self) -> [f64; 2] {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        [radius * cosine, radius * sine]
    }

    /// In [0, 1), by SplitMix64 (Steele, Lea, Flood 2014).
    fn uniform(&mut self) -> f64 {
        self.counter = self.counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.counter;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first output from state 0, by the reference implementation of S. Vigna: e220a8397b1dcdaf.
        let mut source = Source::new(Noise::NONE);
        assert_eq!(source.uniform(), (0xe220_a839_7b1d_cdafu64 >> 11) as f64 / (1u64 << 53) as f64);
    }

    #[test]
    fn numbers_are_normal() {
        let mut source = Source::new(Noise { seed: 7, ..Noise::NONE });
        let drawn: Vec<f64> = (0..50_000).flat_map(|_| source.normals()).collect();
        let moment = |power: i32| drawn.iter().map(|n| n.powi(power)).sum::<f64>() / drawn.len() as f64;
        // Five standard errors of the moments 0, 1, 0, 3: variances 1, 2, 15 and 96 over the number drawn.
        for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0f64)] {
            assert!((moment(power) - expected).abs() < 5.0 * (variance / 1e5).sqrt(), "{power}: {}", moment(power));
        }
        let pairs = drawn.chunks(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / 5e4;
        assert!(pairs.abs() < 5.0 / 5e4f64.sqrt());
    }

    #[test]
    fn shifts_and_gradients() {
        let still = State::new(0.1, 10.0, 0.5, 1.0, 0.2);
        let mut state = still;
        Source::new(Noise::NONE).disturb(&mut state, 0.2);
        assert_eq!(state, still);
        Source::new(Noise { gradient: 0.5, displacement: 0.0, seed: 1 }).disturb(&mut state, 0.2);
        assert_eq!((state.x, state.z), (still.x, still.z));
        assert!(state.gradient[0] != still.gradient[0] && state.gradient[1] != still.gradient[1]);
        let mut state = still;
        Source::new(Noise { gradient: 0.0, displacement: 0.5, seed: 1 }).disturb(&mut state, 0.2);
        assert!(state.x != 0.5 && state.gradient == [10.0 * state.x, 0.2]);
    }
}
