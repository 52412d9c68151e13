use onedge_objective::{Error as ObjectiveError, Real, State, StateError, vector};

use crate::{Error, Lanczos, LinearOperator, Spectrum, lanczos};

/// Every so many measurements one starts from a random vector alone.
const FRESH: u64 = 16;

/// Measures the top of a spectrum again and again along a run, each time starting from the vectors found before and from a vector
/// that is known to lean towards the top now.
///
/// For a Hessian that vector is the gradient: a descent leaves in it what it does not damp, on the edge of stability mostly the top
/// eigenvectors themselves, new ones included. On runs of small networks (the example `tracking`) it saves half a product of
/// seven and, unlike a random vector, which has next to nothing of any one direction in high dimensions, shows when
/// another direction has become the largest. Still, a start that leans towards the second eigenvector may take it for the first: every
/// 16th measurement starts from a random vector alone, so that no such error lasts.
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

    /// Measures the spectrum of `operator` and keeps the sum of the vectors for the next time. Starts from the sum of the unit
    /// vectors along what was kept and along `hint`, as far as there are any.
    ///
    /// # Errors
    /// Those of [`lanczos()`]; what was kept then stays.
    pub fn measure(&mut self, operator: &mut dyn LinearOperator<T>, hint: Option<&[T]>) -> Result<Spectrum<T>, Error> {
        let options = Lanczos { seed: self.options.seed.wrapping_add(self.measurements), ..self.options };
        let start = match (self.start.as_deref(), hint) {
            (Some(_), _) if self.measurements.is_multiple_of(FRESH) => None,
            (Some(start), Some(hint)) => Some(sum(start, hint)?),
            (start, hint) => start.or(hint).map(<[T]>::to_vec),
        };
        let spectrum = lanczos(operator, &options, start.as_deref())?;
        let mut sum = vec![T::ZERO; operator.dim()];
        for pair in &spectrum.pairs {
            vector::axpy(1.0, &pair.vector, &mut sum);
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

/// `a / |a| + b / |b|`, with b turned towards a; a alone where b is zero.
fn sum<T: Real>(a: &[T], b: &[T]) -> Result<Vec<T>, Error> {
    ObjectiveError::require_length("hint", a.len(), b.len())?;
    let (mut sum, lengths) = (a.to_vec(), [a, b].map(vector::norm));
    if lengths.iter().all(|length| length.is_finite() && *length > 0.0) {
        vector::scale(1.0 / lengths[0], &mut sum);
        vector::axpy(1.0_f64.copysign(vector::dot(a, b)) / lengths[1], b, &mut sum);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dense, Wanted, operator::samples::reflected};

    fn spread(n: usize, top: f64) -> Vec<f64> {
        (0..n).map(|i| if i == 0 { top } else { 9.0 * i as f64 / n as f64 }).collect()
    }

    #[test]
    fn a_warm_start_saves_products() {
        let (mut a, _) = reflected(&spread(200, 10.0));
        let (mut b, _) = reflected(&spread(200, 10.1));
        let mut tracker = SharpnessTracker::new(Lanczos::top(1, 4));
        let cold = tracker.measure(&mut a, None).unwrap();
        let warm = tracker.measure(&mut b, None).unwrap();
        assert!((warm.largest().unwrap().value / 10.1 - 1.0).abs() < 1e-3 && warm.converged());
        assert!(warm.products < cold.products, "{} against {}", warm.products, cold.products);
        // Every measurement mixes in another random vector, so their number is kept.
        assert_eq!(tracker.state().reader("tracker").count("measurements").unwrap(), 2);
    }

    #[test]
    fn notices_a_new_top_orthogonal_to_the_old() {
        let mut diagonal = vec![1.0; 300];
        (diagonal[0], diagonal[1]) = (5.0, 2.0);
        let mut tracker = SharpnessTracker::new(Lanczos::top(1, 0));
        tracker.measure(&mut Dense::diagonal(&diagonal), None).unwrap();
        diagonal[1] = 6.0;
        let spectrum = tracker.measure(&mut Dense::diagonal(&diagonal), None).unwrap();
        assert!((spectrum.largest().unwrap().value - 6.0).abs() < 1e-5);
    }

    /// A diagonal with two large values, and unit vectors on axes.
    fn two_tops() -> (Dense<f64>, impl Fn(usize) -> Vec<f64>) {
        let mut diagonal: Vec<f64> = (0..300).map(|i| 4.5 * f64::from(i).sin()).collect();
        (diagonal[0], diagonal[1]) = (6.0, 5.5);
        (Dense::diagonal(&diagonal), |i| (0..300).map(|j| f64::from(u8::from(i == j))).collect())
    }

    /// The state of a tracker with seed 0 after so many measurements.
    fn at(start: Option<Vec<f64>>, measurements: u64) -> State<f64> {
        let state = State::new().with_word("seed", 0).with_scalar("measurements", measurements as f64);
        start.into_iter().fold(state, |state, start| state.with_vector("start", start))
    }

    #[test]
    fn a_hint_shows_a_new_top() {
        let (mut a, axis) = two_tops();
        let mut tracker = SharpnessTracker::new(Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(1, 0) });
        let hint: Vec<f64> = axis(0).iter().map(|x| -40.0 * x).collect();
        for start in [None, Some(axis(1)), Some(hint.clone())] {
            tracker.restore(at(start, 1)).unwrap();
            let found = tracker.measure(&mut a, Some(&hint)).unwrap();
            assert!((found.largest().unwrap().value / 6.0 - 1.0).abs() < 1e-3);
        }
        let message = tracker.measure(&mut a, Some(&[1.0])).unwrap_err().to_string();
        assert_eq!(message, "hint: expected 300 elements, got 1");
    }

    #[test]
    fn what_a_start_hides_is_found_by_a_fresh_one() {
        let (mut a, axis) = two_tops();
        let mut tracker = SharpnessTracker::new(Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(1, 0) });
        tracker.restore(at(Some(axis(1)), 1)).unwrap();
        let hidden = tracker.measure(&mut a, Some(&axis(1))).unwrap();
        assert!((hidden.largest().unwrap().value - 5.5).abs() < 0.01, "not a case of what the next line tests");
        tracker.restore(at(Some(axis(1)), FRESH)).unwrap();
        let found = tracker.measure(&mut a, Some(&axis(1))).unwrap();
        assert!((found.largest().unwrap().value / 6.0 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn restoring_gives_the_same_bits() {
        let (mut a, vectors) = reflected(&spread(60, 10.0));
        let mut tracker = SharpnessTracker::new(Lanczos::top(2, 4));
        tracker.measure(&mut a, None).unwrap();
        let mut again = SharpnessTracker::new(Lanczos { seed: 5, ..*tracker.options() });
        again.restore(tracker.state()).unwrap();
        assert_eq!(again, tracker);
        for hint in [None, Some(&vectors[3][..])] {
            assert_eq!(tracker.measure(&mut a, hint).unwrap(), again.measure(&mut a, hint).unwrap());
        }
    }
}
