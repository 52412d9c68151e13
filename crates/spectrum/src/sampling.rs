use onedge_objective::{Error as ObjectiveError, Probe};

use crate::Error;
use crate::forms::{Forms, Moments};

/// How many samples a mean is taken of: `min_samples` and then twice as many each time, until the standard error is small enough. Looked
/// at after every sample, few that agree by chance would end it, and the standard error would mean little.
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
    /// Half of the 95 % interval of Student's t, over 1.96: the truth lies within 1.96 of it from `value` 95 times of 100, however few
    /// the samples. It is the standard error times `t(0.975, f) / 1.96`; with `f = samples - 1` degrees of freedom, the least, that is 1.62 for 4
    /// samples, 1.09 for 16, 1.04 for 32.
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
    /// Its standard error is the jackknife's: `sqrt((m - 1) / m sum (r_i - mean r_i)^2)`, with the ratio `r_i` of all samples but one. Where
    /// some samples weigh far more than others, few of them say little of their own scatter: Student's t is taken with `2 m / (k - 1)` degrees of
    /// freedom, k the kurtosis of the `r_i`, and at most m - 1. The ratio is biased by about the square of the relative standard error.
    ///
    /// # Errors
    /// As for [`mean`](Self::mean); a zero denominator, also of all samples but one.
    ///
    /// Source: Efron, Stein, Ann. Statist. 9 (1981) for the jackknife; the degrees of freedom are those of a variance whose samples have this
    /// kurtosis (Satterthwaite, Biometrics Bull. 2, 1946).
    pub fn ratio(&self, mut sample: impl FnMut(u64) -> Result<(f64, f64), Error>) -> Result<Estimate, Error> {
        let finite = |x| ObjectiveError::require_finite(Probe::Sample, x);
        self.settle(Vec::new(), 1, |samples, seeds| {
            for &seed in seeds {
                let (n, d) = sample(seed)?;
                samples.push((finite(n)?, finite(d)?));
            }
            Ok(())
        })
    }

    /// The mean of a quadratic form, from the signs and products that `add` adds for so many seeds at a time, at most.
    pub(crate) fn forms<M>(
        &self,
        forms: Forms<M>,
        at_once: usize,
        add: impl FnMut(&mut Forms<M>, &[u64]) -> Result<(), Error>,
    ) -> Result<Estimate, Error> {
        self.settle(forms, at_once, add)
    }

    /// Adds samples until they are enough.
    fn settle<S: Samples>(
        &self,
        mut samples: S,
        at_once: usize,
        mut add: impl FnMut(&mut S, &[u64]) -> Result<(), Error>,
    ) -> Result<Estimate, Error> {
        self.check()?;
        let (mut look, mut count) = (self.min_samples, 0);
        loop {
            let end = (count + at_once.max(1)).min(look).min(self.max_samples);
            let seeds: Vec<u64> = (count..end).map(|i| stream(self.seed, i as u64)).collect();
            add(&mut samples, &seeds)?;
            count = end;
            let last = count == self.max_samples;
            if count < look && !last {
                continue;
            }
            look *= 2;
            // Looked at again and again, samples end where they understate their scatter: until the last look, nothing is assumed of them
            // beyond their number.
            let most = if last { f64::INFINITY } else { count as f64 - 1.0 };
            let estimate = Estimate::new(&samples, count, most)?;
            let settled = estimate.standard_error <= self.relative_error * estimate.value.abs();
            if settled || last {
                return Ok(Estimate { settled, ..estimate });
            }
        }
    }
}

/// Samples from which a value and its standard error follow.
pub(crate) trait Samples {
    /// The value, its standard error, and the degrees of freedom that this is known with.
    fn summary(&self) -> (f64, f64, f64);
}

impl Samples for Vec<(f64, f64)> {
    fn summary(&self) -> (f64, f64, f64) {
        let count = self.len() as f64;
        let (n, d) = self.iter().fold((0.0, 0.0), |(n, d), sample| (n + sample.0, d + sample.1));
        let value = n / d;
        // What leaving out a sample does to the ratio.
        let changes: Vec<f64> = self.iter().map(|sample| (sample.0 - value * sample.1) / (d - sample.1)).collect();
        let mean = changes.iter().sum::<f64>() / count;
        let power = |k: i32| changes.iter().map(|change| (change - mean).powi(k)).sum::<f64>() / count;
        let (square, fourth) = (power(2), power(4));
        let kurtosis = if square > 0.0 { fourth / (square * square) } else { 3.0 };
        let freedom = (2.0 * count / (kurtosis - 1.0)).clamp(1.0, count - 1.0);
        (value, (square * (count - 1.0)).sqrt(), freedom)
    }
}

impl<M> Samples for Forms<M> {
    fn summary(&self) -> (f64, f64, f64) {
        let Moments { mean, variance, freedom } = self.moments();
        (mean, (variance / self.count() as f64).sqrt(), freedom)
    }
}

impl Estimate {
    /// What `count` samples say, 2 or more, with so many degrees of freedom at most.
    pub(crate) fn new(samples: &impl Samples, count: usize, most: f64) -> Result<Self, Error> {
        let (value, standard_error, freedom) = samples.summary();
        let value = ObjectiveError::require_finite(Probe::Sample, value)?;
        let standard_error =
            ObjectiveError::require_finite(Probe::Sample, standard_error)? * student(freedom.min(most)) / NORMAL;
        Ok(Self { value, standard_error, samples: count, settled: false })
    }

    /// The estimate of `f` of the value, to first order.
    pub(crate) fn map(self, f: impl Fn(f64) -> f64, derivative: impl Fn(f64) -> f64) -> Self {
        let standard_error = self.standard_error * derivative(self.value).abs();
        Self { value: f(self.value), standard_error, ..self }
    }
}

/// The 97.5 % quantile of the normal distribution.
pub(crate) const NORMAL: f64 = 1.959_963_984_540_054;

/// The 97.5 % quantile of Student's t with so many degrees of freedom, 1 or more, to three digits.
///
/// Source: tabulated up to 10, with `1 / n` interpolated between; beyond, the expansion of Cornish and Fisher (Abramowitz, Stegun, *Handbook
/// of Mathematical Functions*, 26.7.5).
pub(crate) fn student(freedom: f64) -> f64 {
    const FEW: [f64; 10] = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281];
    let low = freedom.max(1.0).floor() as usize;
    if low < FEW.len() {
        let share = (1.0 / low as f64 - 1.0 / freedom.max(1.0)) * (low * (low + 1)) as f64;
        return FEW[low - 1] + share * (FEW[low] - FEW[low - 1]);
    }
    let (x, n) = (NORMAL, freedom);
    let first = (x.powi(3) + x) / 4.0;
    let second = (5.0 * x.powi(5) + 16.0 * x.powi(3) + 3.0 * x) / 96.0;
    let third = (3.0 * x.powi(7) + 19.0 * x.powi(5) + 17.0 * x.powi(3) - 15.0 * x) / 384.0;
    x + first / n + second / n.powi(2) + third / n.powi(3)
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
        assert!((mean.standard_error / (14.0_f64 / 12.0).sqrt() - 3.1824 / NORMAL).abs() < 1e-12);
        let mut next = [(1.0, 2.0), (5.0, 2.0)].into_iter();
        let ratio = Sampling::exactly(2, 0).ratio(|_| Ok(next.next().unwrap())).unwrap();
        // r = 6/4, n - r d = -2, 2: squares sum to 8, over 2 * 1, over the mean 2 of d.
        assert!((ratio.value - 1.5).abs() < 1e-15 && (ratio.standard_error - 12.7062 / NORMAL).abs() < 1e-12);
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
    fn quantiles_are_those_of_the_tables() {
        for (freedom, quantile) in
            [(1.0, 12.706), (3.0, 3.182), (10.0, 2.228), (11.0, 2.201), (15.0, 2.131), (31.0, 2.040), (120.0, 1.980)]
        {
            assert!((student(freedom) - quantile).abs() < 6e-4, "{freedom}: {}", student(freedom));
        }
    }

    #[test]
    fn streams_differ() {
        let mut seeds: Vec<u64> = (0..50).flat_map(|seed| (0..50).map(move |i| stream(seed, i))).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 2500);
    }
}
