use onedge_objective::{Error as ObjectiveError, Real};

use crate::chain::{Claim, Side, Verdict};
use crate::proof::Proof;
use crate::sampling::stream;
use crate::space::Host;
use crate::span::{Ritz, Span};
use crate::{Error, LinearOperator, Space};

/// The residual of the first vector, relative to its value, beyond which the vectors of the last measurement are given up.
const TURNED: f64 = 0.5;
/// The share of the error allowed that residuals may take before it is shown that nothing is missing.
const SHARE: f64 = 0.25;
/// Vectors to hold at most while that is shown, beside `8 k`.
const CHAIN: usize = 48;
/// Random vectors that one measurement may draw.
const DRAWS: u64 = 1 << 16;
/// The length of the random part of a start, relative to each of the others.
const RANDOM_SHARE: f64 = 0.3;

/// The settings of a [`SubspaceTracker`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subspace {
    /// How many of the largest eigenvalues.
    pub k: usize,
    /// A value is known once the estimate of its error is at most this share of it, and no larger one is missing by more.
    pub tolerance: f64,
    /// Products to spend on one measurement at most, `k` or more.
    pub max_products: usize,
    /// Seed of the first vectors.
    pub seed: u64,
    /// Threads that work on the vectors beside those of the operator; they change no bit.
    pub threads: usize,
}

/// What one measurement found, with vectors that are slices in memory.
pub type SubspaceSpectrum<T> = SubspaceSpectrumOf<Vec<T>>;

/// What one measurement found.
#[derive(Debug, Clone, PartialEq)]
pub struct SubspaceSpectrumOf<V> {
    /// The largest eigenvalues, largest first.
    pub values: Vec<f64>,
    /// The Ritz vectors that belong to them, orthonormal.
    pub vectors: Vec<V>,
    /// `|A v - value v|` of each, rounding of the products included: some eigenvalue lies this close.
    pub residuals: Vec<f64>,
    /// An estimate of the error of each as an eigenvalue, rounding included.
    pub errors: Vec<f64>,
    /// Whether every error met the tolerance, and it was shown that no value is missing, before the products ran out.
    pub converged: bool,
    /// Products used.
    pub products: usize,
}

/// Follows the `k` largest eigenvalues of an operator that changes little from one measurement to the next.
///
/// Each measurement multiplies the vectors of the last and a spare one once (k + 1 products) and takes Ritz values; but if the first of them has turned away,
/// it goes on from their sum, which is then Lanczos's method, as it is without any vectors. As long as the values are not settled it
/// widens the span by one product at a time: with `r_i = A v_i - value_i v_i` the residuals of the values that are open, each over the root of
/// the residual square that is allowed, by the combination of them that is longest for its coefficients. What turned the vectors is often one
/// direction, and then all residuals lie along it. At the end the vectors are multiplied once more by what is known
/// already and made orthonormal: a step of subspace iteration for nothing.
///
/// The error of a value is estimated as `r^2 / max(r, gap)`, r the residual and gap the distance to what is outside of the vectors: the
/// next Ritz value, or half a mean spacing under the last if that is more.
///
/// Before the values are called converged, a fresh random vector orthogonal to all that is known starts Lanczos's method beside it, until it
/// shows that no other eigenvalue is larger by more than the tolerance, as for [`lanczos`](crate::lanczos()) and with the same
/// probability of missing one, 5 % at most. So a direction that has become large without any part in the vectors is found, as are
/// values that cross, and all copies of a repeated one. Where the vectors hardly turn, five values take 8 to 12 products: one each, one for a
/// spare vector, the rest to show this. Values of zero never meet a tolerance relative to themselves.
///
/// Source: Davidson, J. Comput. Phys. 17 (1975), without a preconditioner; Parlett, *The Symmetric Eigenvalue Problem*, 1980,
/// section 11.7 for the estimate.
pub type SubspaceTracker<T> = SubspaceTrackerOf<Vec<T>>;

/// The same on the vectors of a [`Space`], where they lie.
#[derive(Debug)]
pub struct SubspaceTrackerOf<V> {
    options: Subspace,
    vectors: Vec<V>,
    measurements: u64,
}

impl Subspace {
    /// The `k` largest eigenvalues to an estimated error of 3e-3 of each, in at most 200 products or `k`, on one thread.
    pub fn top(k: usize, seed: u64) -> Self {
        Self { k, tolerance: 3e-3, max_products: k.max(200), seed, threads: 1 }
    }
}

impl<T: Real> SubspaceTracker<T> {
    /// Measures the spectrum of `operator`. `hint`, if given, leans towards the top now, as the gradient does for a Hessian.
    ///
    /// # Errors
    /// A product that is not finite; an operator of another dimension.
    ///
    /// Cost: `k + 1` products, one for each further round, and some to show that nothing is missing; memory for up to `16 k + 96` vectors.
    pub fn measure(
        &mut self,
        operator: &mut dyn LinearOperator<T>,
        hint: Option<&[T]>,
    ) -> Result<SubspaceSpectrum<T>, Error> {
        let dim = operator.dim();
        self.vectors.iter().try_for_each(|vector| ObjectiveError::require_length("vector", dim, vector.len()))?;
        hint.map_or(Ok(()), |hint| ObjectiveError::require_length("hint", dim, hint.len()))?;
        let hint = hint.map(<[T]>::to_vec);
        self.measure_in(&mut Host::new(operator, self.options.threads)?, hint.as_ref())
    }
}

impl<V> SubspaceTrackerOf<V> {
    /// Nothing measured yet, for operators of dimension `dim`.
    ///
    /// # Errors
    /// Numbers out of range.
    pub fn new(options: Subspace, dim: usize) -> Result<Self, Error> {
        let Subspace { k, tolerance, max_products, .. } = options;
        Error::require_dimension(dim)?;
        Error::require_option(k > 0, "k", "1 or more", k)?;
        Error::require_option(max_products >= k, "max_products", format!("{k} or more"), max_products)?;
        Error::require_option(tolerance > 0.0 && tolerance < 1.0, "tolerance", "a number between 0 and 1", tolerance)?;
        Ok(Self { options, vectors: Vec::new(), measurements: 0 })
    }

    /// The settings of every measurement.
    pub fn options(&self) -> &Subspace {
        &self.options
    }

    /// Where the next measurement starts; before the first, empty.
    pub fn vectors(&self) -> &[V] {
        &self.vectors
    }

    /// Measurements so far, which say what random vectors the next one draws.
    pub fn measurements(&self) -> u64 {
        self.measurements
    }

    /// Puts vectors back, those of an earlier measurement or of [`lanczos`](crate::lanczos()), and the number of measurements.
    pub fn restore(&mut self, vectors: Vec<V>, measurements: u64) {
        (self.vectors, self.measurements) = (vectors, measurements);
    }

    /// Measures the spectrum of the operator of a space. `hint`, if given, leans towards the top now. `options.threads` are the space's own affair.
    ///
    /// # Errors
    /// A product that is not finite; those of the space.
    ///
    /// Cost: as for `measure`.
    pub fn measure_in<S: Space<Vector = V>>(
        &mut self,
        space: &mut S,
        hint: Option<&V>,
    ) -> Result<SubspaceSpectrumOf<V>, Error> {
        let (dim, k) = (space.dim(), self.options.k.min(space.dim()));
        let seed = self.options.seed;
        // Other random vectors at each measurement, so that no direction is missed for long.
        let mut random = (self.measurements.wrapping_mul(DRAWS)..).map(|i| stream(seed, i));
        self.measurements = self.measurements.wrapping_add(1);
        let mut span = Span::new(space);
        self.start(space, &mut span, hint, &mut random)?;
        span.multiply(space)?;
        let mut proof: Option<Proof<V>> = None;
        let mut share = SHARE;
        loop {
            let known = k.min(span.vectors.len());
            let (ritz, rounding) = (span.ritz(known)?, span.rounding());
            let allowed = |i: usize| self.options.tolerance * ritz.values[i].abs();
            let claim = |i: usize| {
                let at = ritz.values[i] + allowed(i).max(rounding);
                Claim { side: Side::Above, at, allowed: i }
            };
            let far = |i: &usize| {
                known < k || ritz.residuals[*i] > span.noise() && ritz.error(*i) > (share * allowed(*i)).max(rounding)
            };
            let open: Vec<usize> = (0..known).filter(far).collect();
            let all = span.vectors.len() == dim;
            let verdict = match &proof {
                _ if all => Verdict::Shown,
                Some(proof) if open.is_empty() => proof.judge((0..k).map(claim))?,
                _ => Verdict::Hopeless,
            };
            let crowded = open.is_empty() && span.vectors.len() >= 8 * k + CHAIN;
            let known = verdict == Verdict::Shown && (open.is_empty() || all);
            if known || crowded || span.spent >= self.options.max_products {
                return self.finish(space, &span, &ritz, k, verdict == Verdict::Shown);
            }
            if open.is_empty() {
                // All is settled, if nothing is hidden.
                let bears = |i: usize| {
                    let bears = |of| claim(of).bears(ritz.values[i], ritz.residuals[i], allowed(of).max(rounding));
                    (0..k).all(bears)
                };
                let keep: Vec<usize> = (0..ritz.values.len()).filter(|&i| i < k || bears(i)).collect();
                let reduce = (0..k).all(bears) && keep.len() < ritz.values.len();
                if verdict == Verdict::Residuals && !reduce {
                    share *= SHARE;
                    proof = None;
                    continue;
                }
                if verdict == Verdict::Residuals {
                    span.keep(space, &ritz, &keep)?;
                }
                if verdict != Verdict::GoOn {
                    let start = next(space, &mut random)?;
                    proof = Some(Proof::begin(space, &span, start)?);
                }
                let grown = proof.as_mut().map(|proof| proof.grow(space, &mut span)).transpose()?;
                proof = proof.filter(|_| grown == Some(true));
                continue;
            }
            proof = None;
            let direction = span.direction(space, &ritz, &open)?;
            if span.vectors.len() >= 4 * k {
                span.restart(space, &ritz, 2 * k)?;
            }
            let size = span.vectors.len();
            span.add(space, direction)?;
            while span.vectors.len() == size {
                // What was left is rounding.
                let vector = next(space, &mut random)?;
                span.add(space, vector)?;
            }
            span.multiply(space)?;
        }
    }

    fn finish<S: Space<Vector = V>>(
        &mut self,
        space: &mut S,
        span: &Span<S::Stored>,
        ritz: &Ritz,
        k: usize,
        shown: bool,
    ) -> Result<SubspaceSpectrumOf<V>, Error> {
        let kept = (k + 1).min(ritz.columns.len());
        let (columns, values, rounding) = (&ritz.columns[..kept], &ritz.values[..k], span.rounding());
        let mut vectors = span.combinations(space, columns)?;
        let residuals: Vec<f64> =
            span.residuals(space, &columns[..k], values)?.into_iter().map(|residual| residual + rounding).collect();
        let errors: Vec<f64> = (0..k).map(|i| ritz.error(i) + rounding).collect();
        let small = |(error, value): (&f64, &f64)| *error <= self.options.tolerance * value.abs();
        let converged = shown && errors.iter().zip(values).all(small);
        self.vectors = span.advanced(space, columns, &vectors)?;
        vectors.truncate(k);
        Ok(SubspaceSpectrumOf { values: values.to_vec(), vectors, residuals, errors, converged, products: span.spent })
    }

    /// The vectors of the last measurement, or what the span grows from if there are none or they have turned away.
    fn start<S: Space<Vector = V>>(
        &mut self,
        space: &mut S,
        span: &mut Span<S::Stored>,
        hint: Option<&V>,
        random: &mut impl Iterator<Item = u64>,
    ) -> Result<(), Error> {
        let mut rest = std::mem::take(&mut self.vectors).into_iter();
        if let Some(first) = rest.next() {
            span.add(space, first)?;
            span.multiply(space)?;
            let ritz = span.ritz(1)?;
            if ritz.residuals[0] <= TURNED * ritz.values[0].abs() {
                let room = self.options.max_products - 1;
                return rest.take(room).try_for_each(|vector| span.add(space, vector));
            }
        }
        let random = next(space, random)?;
        let (mut shares, mut parts) = (vec![RANDOM_SHARE], vec![&random]);
        for vector in rest.as_slice().iter().chain(hint) {
            let length = space.norm(vector)?;
            if length > 0.0 && length.is_finite() {
                shares.push(1.0 / length);
                parts.push(vector);
            }
        }
        let sum = space.combine(&shares, &parts)?;
        span.add(space, sum)
    }
}

/// The random vector of the next seed.
fn next<S: Space>(space: &mut S, seeds: &mut impl Iterator<Item = u64>) -> Result<S::Vector, Error> {
    // There is a seed for each number.
    space.random(seeds.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use onedge_objective::vector;

    use crate::operator::samples::reflected;

    const OPTIONS: Subspace = Subspace { k: 4, tolerance: 1e-3, max_products: 400, seed: 3, threads: 1 };

    /// A spectrum with a few large values over a bulk; `drift` changes it.
    fn spectrum(drift: f64) -> Vec<f64> {
        let outlier = |i: usize| 40.0 / (1.0 + i as f64) + drift * (i as f64 + 1.0).sin();
        (0..300).map(|i| if i < 8 { outlier(i) } else { (i as f64 * 0.37).sin() }).collect()
    }

    #[test]
    fn finds_the_largest_values_from_nothing() {
        let (mut a, vectors) = reflected(&spectrum(0.0));
        let mut tracker = SubspaceTracker::new(Subspace { tolerance: 1e-9, ..OPTIONS }, 300).unwrap();
        let found = tracker.measure(&mut a, None).unwrap();
        assert!(found.converged, "{found:?}");
        for (i, value) in found.values.iter().enumerate() {
            assert!((value - 40.0 / (1.0 + i as f64)).abs() < 1e-6, "{found:?}");
            assert!(vector::dot(&tracker.vectors()[i], &vectors[i]).abs() > 1.0 - 1e-6);
        }
    }

    #[test]
    fn a_gradient_of_zero_is_no_hint() {
        let (mut a, _) = reflected(&spectrum(0.0));
        let mut tracker = SubspaceTracker::new(OPTIONS, 300).unwrap();
        let found = tracker.measure(&mut a, Some(&[0.0; 300])).unwrap();
        assert!(found.converged && (found.values[0] / 40.0 - 1.0).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn following_costs_a_product_for_each_value_and_a_few_to_show_that_none_is_missing() {
        let mut tracker = SubspaceTracker::new(OPTIONS, 300).unwrap();
        tracker.measure(&mut reflected(&spectrum(0.0)).0, None).unwrap();
        let (mut products, mut worst) = (0, 0.0_f64);
        for step in 1..=20 {
            let drift = 0.02 * f64::from(step);
            let found = tracker.measure(&mut reflected(&spectrum(drift)).0, None).unwrap();
            products += found.products;
            let mut exact = spectrum(drift);
            exact.sort_by(|a, b| b.total_cmp(a));
            worst = found.values.iter().zip(&exact).map(|(a, b)| (a / b - 1.0).abs()).fold(worst, f64::max);
        }
        assert!(worst < 1e-3 && products <= 20 * 10, "{worst} {products}");
    }

    #[test]
    fn says_when_products_ran_out_and_knows_small_spaces() {
        let (mut a, _) = reflected(&spectrum(0.0));
        let mut tracker = SubspaceTracker::new(Subspace { max_products: 4, ..OPTIONS }, 300).unwrap();
        let found = tracker.measure(&mut a, None).unwrap();
        assert!(!found.converged && found.products == 4);
        let (mut small, _) = reflected(&[2.0, -1.0]);
        let mut tracker = SubspaceTracker::new(OPTIONS, 2).unwrap();
        let found = tracker.measure(&mut small, None).unwrap();
        assert!((found.values[0] - 2.0).abs() < 1e-12 && (found.values[1] + 1.0).abs() < 1e-12);
        assert!(SubspaceTracker::<f64>::new(Subspace { k: 0, ..OPTIONS }, 2).is_err());
    }
}
