use onedge_objective::{Real, State, StateError};

use crate::follow::Trail;
use crate::{Error, Lanczos, LinearOperator, Spectrum, Wanted, lanczos};

/// Measures the top of a spectrum again and again along a run.
///
/// **Anew**, unless asked otherwise: each time from another random vector. Nothing of one measurement goes into the next, so that what was largest
/// before is not taken for the largest now: a new eigenvector that overtakes has its part in the start like any other. A start that leans
/// towards the vectors found before, or towards the gradient, saves no products: it takes as many to show that nothing is hidden beside
/// them (9 and 8, 12 and 11 on two spectra of the kind that networks have).
///
/// **Followed**, with [`refreshing_every`](Self::refreshing_every): most of those products prove that nothing is hidden, and between two proofs
/// the eigenvector that was found is followed. A product `A v` with it gives the Rayleigh quotient `v.Av` and the residual r, and the value is
/// wrong by `r^2 / gap` at most, or by r. For the gap stands the share that lay between the two largest values when both were measured. Where that
/// error is above the tolerance, the vector is improved by further products, of which a fourth gives up and measures anew; where it is not, `A v` is
/// where the next measurement begins. Where the vector was lost several times in a row, as many measurements pass before it is followed again.
/// **What may be wrong:** an eigenvalue that overtakes in between is seen at the next proof, or when it has a part in the vector that is followed. Until then the
/// value is that of the vector, which is an eigenvalue, and too small for the largest.
#[derive(Debug, Clone, PartialEq)]
pub struct SharpnessTracker {
    options: Lanczos,
    measurements: u64,
    /// Measurements from one proof to the next.
    refresh: u64,
    trail: Option<Trail>,
    /// How often in a row it was lost, and measurements until it is followed again.
    lost: u64,
    wait: u64,
}

impl SharpnessTracker {
    /// Nothing measured yet. Random vectors come from `options.seed` plus the number of measurements.
    pub fn new(options: Lanczos) -> Self {
        Self { options, measurements: 0, refresh: 1, trail: None, lost: 0, wait: 0 }
    }

    /// Shows every `refresh` measurements, 1 or more, that nothing larger is hidden, and follows the vector that was found in between.
    ///
    /// # Errors
    /// None at all, or more than 1 where not the one largest value alone is wanted.
    pub fn refreshing_every(self, refresh: u64) -> Result<Self, Error> {
        let is_one = self.options.k == 1 && self.options.wanted == Wanted::Algebraic;
        let expected =
            if is_one { "1 or more" } else { "1 where several values, or those of largest magnitude, are wanted" };
        Error::require_option(refresh == 1 || refresh > 1 && is_one, "refresh", expected, refresh)?;
        Ok(Self { refresh, ..self })
    }

    /// Measures the spectrum of `operator`.
    ///
    /// # Errors
    /// Those of [`lanczos()`].
    pub fn measure<T: Real>(&mut self, operator: &mut dyn LinearOperator<T>) -> Result<Spectrum<T>, Error> {
        let options = Lanczos { seed: self.options.seed.wrapping_add(self.measurements), ..self.options };
        let mut spent = 0;
        let fits = |trail: &Trail| trail.since < self.refresh && trail.start.len() == operator.dim();
        let trail = self.trail.take().filter(fits).filter(|_| self.wait == 0);
        self.wait = self.wait.saturating_sub(1);
        if let Some(mut trail) = trail {
            match trail.follow(operator, &options)? {
                Ok(spectrum) => {
                    (self.trail, self.measurements, self.lost) = (Some(trail), self.measurements + 1, 0);
                    return Ok(spectrum);
                }
                Err(products) => {
                    spent = products;
                    self.lost += 1;
                    self.wait = (self.lost - 1).min(self.refresh);
                }
            }
        }
        let mut spectrum = lanczos(operator, &options, None)?;
        self.trail = if self.refresh > 1 { Trail::begin(&spectrum) } else { None };
        spectrum.products += spent;
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

    /// Everything that the next measurement depends on, the settings apart: seed, measurements so far, and what is followed.
    pub fn state<T: Real>(&self) -> State<T> {
        let state = State::new().with_word("seed", self.options.seed);
        let state = state.with_scalar("measurements", self.measurements as f64);
        let state = match self.refresh {
            1 => state,
            _ => state.with_scalar("trail_lost", self.lost as f64).with_scalar("trail_wait", self.wait as f64),
        };
        match &self.trail {
            Some(Trail { start, ratio, since }) => state
                .with_vector("trail", start.iter().map(|x| T::from_f64(*x)).collect())
                .with_scalar("trail_ratio", *ratio)
                .with_scalar("trail_since", *since as f64),
            None => state,
        }
    }

    /// Puts back what [`state`](Self::state) gave: the next measurement has the same bits.
    ///
    /// # Errors
    /// The state of something else.
    pub fn restore<T: Real>(&mut self, state: State<T>) -> Result<(), StateError> {
        let mut reader = state.reader("spectrum");
        self.options.seed = reader.word("seed")?;
        self.measurements = reader.count("measurements")?;
        let mut count = |name: &str| reader.optional_scalar(name).unwrap_or_default() as u64;
        (self.lost, self.wait) = (count("trail_lost"), count("trail_wait"));
        self.trail = match reader.optional_vector("trail") {
            Some(start) => Some(Trail {
                start: start.iter().map(|x| x.to_f64()).collect(),
                ratio: reader.scalar("trail_ratio")?,
                since: reader.count("trail_since")?,
            }),
            None => None,
        };
        // Checkpoints of earlier versions hold where the next measurement was to start.
        reader.optional_vector("start");
        reader.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dense, operator::samples::reflected};

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

    /// A largest eigenvalue of 5 whose vector turns by `angle` a step within the first two dimensions, of 300 with values up to 3.
    fn turning(angle: f64) -> Dense<f64> {
        let diagonal: Vec<f64> =
            (0..300).map(|i| if i == 0 { 5.0 } else { 3.0 * f64::from(300 - i) / 300.0 }).collect();
        let (sin, cos) = angle.sin_cos();
        let (a, b) = (diagonal[0], diagonal[1]);
        let element = |i: usize, j: usize| match (i, j) {
            (0, 0) => a * cos * cos + b * sin * sin,
            (1, 1) => a * sin * sin + b * cos * cos,
            (0, 1) | (1, 0) => (a - b) * sin * cos,
            _ if i == j => diagonal[i],
            _ => 0.0,
        };
        Dense::new(300, (0..300 * 300).map(|place| element(place / 300, place % 300)).collect()).unwrap()
    }

    #[test]
    fn a_vector_that_turns_is_followed() {
        let options = Lanczos { wanted: Wanted::Algebraic, tolerance: 1e-2, ..Lanczos::top(1, 3) };
        let mut anew = SharpnessTracker::new(options);
        let mut followed = anew.clone().refreshing_every(10).unwrap();
        let mut products = [0, 0];
        for step in 0..50 {
            let mut a = turning(0.05 * f64::from(step));
            for (tracker, products) in [&mut anew, &mut followed].into_iter().zip(&mut products) {
                let spectrum = tracker.measure(&mut a).unwrap();
                let pair = spectrum.largest().unwrap();
                assert!(pair.converged && (pair.value / 5.0 - 1.0).abs() < 1e-2, "{step}: {}", pair.value);
                assert!((pair.value - 5.0).abs() <= pair.error_estimate, "{step}: {pair:?}");
                *products += spectrum.products;
            }
        }
        assert!(3 * products[1] < products[0] && products[1] >= 50, "{products:?}");
    }

    #[test]
    fn what_overtakes_is_seen_at_the_next_proof() {
        let options = Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(1, 0) };
        let mut tracker = SharpnessTracker::new(options).refreshing_every(4).unwrap();
        let mut diagonal = vec![1.0; 300];
        (diagonal[0], diagonal[1]) = (5.0, 2.0);
        tracker.measure(&mut Dense::diagonal(&diagonal)).unwrap();
        diagonal[1] = 6.0;
        let seen: Vec<f64> = (0..4)
            .map(|_| tracker.measure(&mut Dense::diagonal(&diagonal)).unwrap().largest().unwrap().value)
            .collect();
        // An eigenvector that has no part in the one that is followed cannot be seen by it.
        assert!((seen[0] - 5.0).abs() < 1e-5 && (seen[2] - 5.0).abs() < 1e-5, "{seen:?}");
        assert!((seen[3] - 6.0).abs() < 1e-5, "{seen:?}");
    }

    #[test]
    fn a_trail_that_is_lost_is_measured_anew() {
        let options = Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(1, 0) };
        let mut tracker = SharpnessTracker::new(options).refreshing_every(100).unwrap();
        let values: Vec<f64> = (0..300).map(|i| if i == 0 { 7.0 } else { 5.0 * f64::from(300 - i) / 300.0 }).collect();
        tracker.measure(&mut Dense::diagonal(&values)).unwrap();
        // The same values along other vectors.
        let turned: Vec<f64> = values.iter().rev().copied().collect();
        let lost = tracker.measure(&mut reflected(&turned).0).unwrap();
        let pair = lost.largest().unwrap();
        assert!((pair.value - 7.0).abs() < 7e-3 && pair.converged, "{pair:?}");
        assert!(lost.products > 4 && tracker.lost == 1 && tracker.wait == 0, "{}", lost.products);
        // Lost again: the next measurement does not follow, the one after it does.
        tracker.measure(&mut Dense::diagonal(&values)).unwrap();
        assert_eq!((tracker.lost, tracker.wait), (2, 1));
        tracker.measure(&mut Dense::diagonal(&values)).unwrap();
        assert_eq!((tracker.lost, tracker.wait), (2, 0));
        assert_eq!(tracker.measure(&mut Dense::diagonal(&values)).unwrap().products, 1);
        assert_eq!(tracker.lost, 0);
    }

    #[test]
    fn a_trail_goes_on_from_its_state() {
        let options = Lanczos { wanted: Wanted::Algebraic, tolerance: 1e-2, ..Lanczos::top(1, 3) };
        let mut tracker = SharpnessTracker::new(options).refreshing_every(10).unwrap();
        (0..3).for_each(|step| drop(tracker.measure(&mut turning(0.05 * f64::from(step))).unwrap()));
        let mut again = SharpnessTracker::new(options).refreshing_every(10).unwrap();
        again.restore(tracker.state::<f64>()).unwrap();
        assert_eq!(again, tracker);
        for step in 3..14 {
            let mut a = turning(0.05 * f64::from(step));
            assert_eq!(again.measure(&mut a).unwrap(), tracker.measure(&mut a).unwrap());
        }
    }

    #[test]
    fn several_values_are_not_followed() {
        for options in [Lanczos::top(1, 0), Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(2, 0) }] {
            let message = SharpnessTracker::new(options).refreshing_every(2).unwrap_err().to_string();
            assert!(message.starts_with("spectrum.refresh: expected 1 where several values"), "{message}");
        }
        assert!(SharpnessTracker::new(Lanczos::top(1, 0)).refreshing_every(0).is_err());
    }
}
