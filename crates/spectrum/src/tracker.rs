use onedge_objective::{Real, State, StateError};

use crate::{Error, Lanczos, LinearOperator, Spectrum, lanczos};

/// Measures the top of a spectrum again and again along a run, each time starting from the vectors found before.
#[derive(Debug, Clone, PartialEq)]
pub struct SharpnessTracker<T> {
    options: Lanczos,
    start: Option<Vec<T>>,
    measurements: u64,
}

impl<T: Real> SharpnessTracker<T> {
    /// Nothing measured yet. Random vectors come from `options.seed` plus the number of measurements.
    pub fn new(options: Lanczos) -> Self {
        Self { options, start: None, measurements: 0 }
    }

    /// Measures the spectrum of `operator` and keeps the sum of the vectors for the next time.
    ///
    /// # Errors
    /// Those of [`lanczos()`]; what was kept then stays.
    pub fn measure(&mut self, operator: &mut dyn LinearOperator<T>) -> Result<Spectrum<T>, Error> {
        let options = Lanczos { seed: self.options.seed.wrapping_add(self.measurements), ..self.options };
        let spectrum = lanczos(operator, &options, self.start.as_deref())?;
        let mut sum = vec![T::ZERO; operator.dim()];
        for pair in &spectrum.pairs {
            onedge_objective::vector::axpy(1.0, &pair.vector, &mut sum);
        }
        self.start = Some(sum);
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

    /// Everything that the next measurement depends on, the settings apart: seed, measurements so far, and where the next
    /// one starts.
    pub fn state(&self) -> State<T> {
        let state =
            State::new().with_word("seed", self.options.seed).with_scalar("measurements", self.measurements as f64);
        self.start.iter().fold(state, |state, start| state.with_vector("start", start.clone()))
    }

    /// Puts back what [`state`](Self::state) gave: the next measurement has the same bits.
    ///
    /// # Errors
    /// The state of something else.
    pub fn restore(&mut self, state: State<T>) -> Result<(), StateError> {
        let mut reader = state.reader("spectrum");
        self.options.seed = reader.word("seed")?;
        self.measurements = reader.count("measurements")?;
        self.start = reader.optional_vector("start");
        reader.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dense, operator::samples::reflected};

    fn spread(n: usize, top: f64) -> Vec<f64> {
        (0..n).map(|i| if i == 0 { top } else { 9.0 * i as f64 / n as f64 }).collect()
    }

    #[test]
    fn a_warm_start_saves_products() {
        let (mut a, _) = reflected(&spread(200, 10.0));
        let (mut b, _) = reflected(&spread(200, 10.1));
        let mut tracker = SharpnessTracker::new(Lanczos::top(1, 4));
        let cold = tracker.measure(&mut a).unwrap();
        let warm = tracker.measure(&mut b).unwrap();
        assert!((warm.largest().unwrap().value - 10.1).abs() < 1e-4 && warm.converged());
        assert!(warm.products < cold.products, "{} against {}", warm.products, cold.products);
    }

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
    fn restoring_gives_the_same_bits() {
        let (mut a, _) = reflected(&spread(60, 10.0));
        let mut tracker = SharpnessTracker::new(Lanczos::top(2, 4));
        tracker.measure(&mut a).unwrap();
        let mut again = SharpnessTracker::new(Lanczos { seed: 5, ..*tracker.options() });
        again.restore(tracker.state()).unwrap();
        assert_eq!(again, tracker);
        assert_eq!(tracker.measure(&mut a).unwrap(), again.measure(&mut a).unwrap());
    }
}
