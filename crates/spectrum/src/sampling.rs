use onedge_objective::{Error as ObjectiveError, Probe};

use crate::Error;

/// How many samples a mean is taken of: `min_samples` and then twice as many each time, until the standard error is small enough. Looked
/// at after every sample, few that agree by chance would end it, and the standard error would mean little. Even so, of a quantity that
/// is mostly small and seldom large, samples that end early are more often small: for an unbiased mean take them all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Samples at least, 2 or more, so that there is a standard error.
    pub min_samples: usize,
    /// Samples at most.
    pub max_samples: usize,
    /// Stop once the standard error is at most this share of the mean's absolute value; 0 takes all samples.
    pub relative_error: f64,
    /// Seed of all random numbers: sample i comes from stream i of this seed.
    pub seed: u64,
}

/// What samples say about a mean, or about a ratio of two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean, or the ratio of the means.
    pub value: f64,
    /// The standard deviation of `value` over repetitions, estimated from the samples. Few samples of a quantity that is mostly
    /// small and seldom large understate both.
    pub standard_error: f64,
    /// Samples taken.
    pub samples: usize,
    /// Whether the standard error fell to the share asked for.
    pub settled: bool,
}

impl Sampling {
    /// So many samples, whatever they say.
    pub fn exactly(samples: usize, seed: u64) -> Self {
        Self { min_samples: samples, max_samples: samples, relative_error: 0.0, seed }
    }

    fn check(&self) -> Result<(), Error> {
        let (min, max) = (self.min_samples, self.max_samples);
        Error::require_option(min >= 2, "min_samples", "2 or more", min)?;
        Error::require_option(max >= min, "max_samples", format!("{min} or more"), max)?;
        let holds = self.relative_error >= 0.0 && self.relative_error.is_finite();
        Error::require_option(holds, "relative_error", "a finite number, 0 or more", self.relative_error)
    }

    /// The mean of `sample`, which gets the seed of each sample.
    ///
    /// # Errors
    /// Numbers out of range; a sample that fails or is not finite.
    pub fn mean(&self, mut sample: impl FnMut(u64) -> Result<f64, Error>) -> Result<Estimate, Error> {
        self.ratio(|seed| Ok((sample(seed)?, 1.0)))
    }

    /// The ratio of the means of two quantities that are sampled together: `mean n / mean d`.
    ///
    /// Its standard error is that of the linearised ratio, `sqrt(sum (n_i - r d_i)^2 / (m (m - 1))) / |mean d|`. The ratio is
    /// biased by about the square of the relative standard error.
    ///
    /// # Errors
    /// As for [`mean`](Self::mean); a zero denominator.
    ///
    /// Source: Cochran, *Sampling Techniques*, 1977, section 6.3.
    pub fn ratio(&self, mut sample: impl FnMut(u64) -> Result<(f64, f64), Error>) -> Result<Estimate, Error> {
        self.check()?;
        let mut samples: Vec<(f64, f64)> = Vec::new();
        let mut look = self.min_samples;
        loop {
            let (n, d) = sample(stream(self.seed, samples.len() as u64))?;
            let finite = |x| ObjectiveError::require_finite(Probe::Sample, x);
            samples.push((finite(n)?, finite(d)?));
            let last = samples.len() == self.max_samples;
            if samples.len() < look && !last {
                continue;
            }
            look *= 2;
            let estimate = self.estimate(&samples)?;
            if estimate.settled || last {
                return Ok(estimate);
            }
        }
    }

    fn estimate(&self, samples: &[(f64, f64)]) -> Result<Estimate, Error> {
        let count = samples.len() as f64;
        let (n, d) = samples.iter().fold((0.0, 0.0), |(n, d), sample| (n + sample.0, d + sample.1));
        let value = ObjectiveError::require_finite(Probe::Sample, n / d)?;
        let squares: f64 = samples.iter().map(|(n, d)| (n - value * d).powi(2)).sum();
        let standard_error = (squares / (count * (count - 1.0))).sqrt() / (d / count).abs();
        let settled = standard_error <= self.relative_error * value.abs();
        Ok(Estimate { value, standard_error, samples: samples.len(), settled })
    }
}

impl Estimate {
    /// The estimate of `f` of the value, to first order.
    pub(crate) fn map(self, f: impl Fn(f64) -> f64, derivative: impl Fn(f64) -> f64) -> Self {
        let standard_error = self.standard_error * derivative(self.value).abs();
        Self { value: f(self.value), standard_error, ..self }
    }
}

/// The seed of stream `i` of a seed.
pub(crate) fn stream(seed: u64, i: u64) -> u64 {
    seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_ratio_by_hand() {
        let numbers = [1.0, 2.0, 6.0, 3.0];
        let mut next = numbers.iter();
        let mean = Sampling::exactly(4, 0).mean(|_| Ok(*next.next().unwrap())).unwrap();
        // Deviations -2, -1, 3, 0: squares sum to 14, over 4 * 3.
        assert_eq!((mean.value, mean.samples), (3.0, 4));
        assert!((mean.standard_error - (14.0_f64 / 12.0).sqrt()).abs() < 1e-15);
        let mut next = [(1.0, 2.0), (5.0, 2.0)].into_iter();
        let ratio = Sampling::exactly(2, 0).ratio(|_| Ok(next.next().unwrap())).unwrap();
        // r = 6/4, n - r d = -2, 2: squares sum to 8, over 2 * 1, over the mean 2 of d.
        assert!((ratio.value - 1.5).abs() < 1e-15 && (ratio.standard_error - 1.0).abs() < 1e-15);
    }

    #[test]
    fn stops_once_samples_agree_and_says_so() {
        let sampling = Sampling { min_samples: 3, max_samples: 100, relative_error: 0.5, seed: 1 };
        let steady = sampling.mean(|_| Ok(2.0)).unwrap();
        assert_eq!((steady.samples, steady.settled), (3, true));
        let mut sign = 1.0;
        let wild = sampling.mean(|_| {
            sign = -sign;
            Ok(0.001 + 100.0 * sign)
        });
        let wild = wild.unwrap();
        assert_eq!((wild.samples, wild.settled), (100, false));
        assert!(sampling.mean(|_| Ok(f64::NAN)).is_err());
        assert!(Sampling { min_samples: 1, ..sampling }.mean(|_| Ok(1.0)).is_err());
    }

    #[test]
    fn streams_differ() {
        let mut seeds: Vec<u64> = (0..50).flat_map(|seed| (0..50).map(move |i| stream(seed, i))).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 2500);
    }
}
