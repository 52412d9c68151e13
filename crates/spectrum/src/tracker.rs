use onedge_objective::{Real, State, StateError};

use crate::{Error, Lanczos, LinearOperator, Spectrum, lanczos};

/// Measures the top of a spectrum again and again along a run, each time from another random vector.
///
/// Nothing of one measurement goes into the next, so that what was largest before is not taken for the largest now: a new
/// eigenvector that overtakes has its part in the start like any other. A start that leans towards the vectors found before, or towards the
/// gradient, saves no products: it takes as many to show that nothing is hidden beside them (9 and 8, 12 and 11 on two spectra of
/// the kind that networks have).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharpnessTracker {
    options: Lanczos,
    measurements: u64,
}

impl SharpnessTracker {
    /// Nothing measured yet. Random vectors come from `options.seed` plus the number of measurements.
    pub fn new(options: Lanczos) -> Self {
        Self { options, measurements: 0 }
    }

    /// Measures the spectrum of `operator`.
    ///
    /// # Errors
    /// Those of [`lanczos()`].
    pub fn measure<T: Real>(&mut self, operator: &mut dyn LinearOperator<T>) -> Result<Spectrum<T>, Error> {
        let options = Lanczos { seed: self.options.seed.wrapping_add(self.measurements), ..self.options };
        let spectrum = lanczos(operator, &options, None)?;
        self.measurements += 1;
        Ok(spectrum)
    }

    /// The settings of every measurement.
    pub fn options(&self) -> &Lanczos {
        &self.options
    }

    /// Threads for work on vectors from now on; they change no bit.
    pub fn set_threads(&mut self, threads: usize) {
        self.options.threads = threads;
    }

    /// Everything that the next measurement depends on, the settings apart: seed and measurements so far.
    pub fn state<T: Real>(&self) -> State<T> {
        State::new().with_word("seed", self.options.seed).with_scalar("measurements", self.measurements as f64)
    }

    /// Puts back what [`state`](Self::state) gave: the next measurement has the same bits.
    ///
    /// # Errors
    /// The state of something else.
    pub fn restore<T: Real>(&mut self, state: State<T>) -> Result<(), StateError> {
        let mut reader = state.reader("spectrum");
        self.options.seed = reader.word("seed")?;
        self.measurements = reader.count("measurements")?;
        // Checkpoints of earlier versions hold where the next measurement was to start.
        reader.optional_vector("start");
        reader.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dense, Wanted, operator::samples::reflected};

    #[test]
    fn notices_a_new_top_orthogonal_to_the_old() {
        let mut diagonal = vec![1.0; 300];
        (diagonal[0], diagonal[1]) = (5.0, 2.0);
        let mut tracker = SharpnessTracker::new(Lanczos::top(1, 0));
        tracker.measure(&mut Dense::diagonal(&diagonal)).unwrap();
        diagonal[1] = 6.0;
        let spectrum = tracker.measure(&mut Dense::diagonal(&diagonal)).unwrap();
        assert!((spectrum.largest().unwrap().value - 6.0).abs() < 1e-5);
    }

    #[test]
    fn follows_values_that_cross() {
        let mut tracker = SharpnessTracker::new(Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(2, 3) });
        for step in 0..200 {
            // Three values in turn are the largest, at times two of them alike.
            let at = |i: usize| 5.0 + (0.05 * f64::from(step) + 2.1 * i as f64).sin();
            let diagonal: Vec<f64> = (0..200).map(|i| if i < 3 { at(i) } else { 3.0 / (1.0 + i as f64) }).collect();
            let spectrum = tracker.measure(&mut Dense::diagonal(&diagonal)).unwrap();
            let mut exact = diagonal.clone();
            exact.sort_by(|a, b| b.total_cmp(a));
            assert!(spectrum.converged());
            for (pair, exact) in spectrum.algebraic().zip(exact) {
                assert!((pair.value / exact - 1.0).abs() < 1e-3, "{step}: {} {exact}", pair.value);
            }
        }
    }

    #[test]
    fn restoring_gives_the_same_bits() {
        let (mut a, _) = reflected(&(0..60).map(|i| 9.0 * f64::from(i) / 60.0).collect::<Vec<_>>());
        let mut tracker = SharpnessTracker::new(Lanczos::top(2, 4));
        tracker.measure(&mut a).unwrap();
        let mut again = SharpnessTracker::new(Lanczos { seed: 5, ..*tracker.options() });
        again.restore(tracker.state::<f64>().with_vector("start", vec![1.0; 60])).unwrap();
        assert_eq!(again, tracker);
        assert_eq!(tracker.measure(&mut a).unwrap(), again.measure(&mut a).unwrap());
        assert!(again.restore(tracker.state::<f64>().with_scalar("odd", 0.0)).is_err());
    }
}
