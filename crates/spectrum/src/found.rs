use crate::chain::{Claim, Side, Verdict};
use crate::krylov::Krylov;
use crate::lanczos::{EigenpairOf, SpectrumOf};
use crate::{Error, Lanczos, Space};

/// How far the residual may exceed the error that is allowed: a residual says whether the vector is one of the operator's,
/// and the error of a value is far smaller.
const LOOSE: f64 = 10.0;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// All is known.
    Nothing,
    /// Multiply what comes next.
    Advance,
    /// Multiply what the residual of this Ritz value leads to.
    Improve(usize),
    /// The same, until residuals are smaller than they had to be so far.
    Sharpen(usize),
    /// Look for what is hidden, from a fresh random vector.
    Fresh,
    /// The same, without the vectors that stand in the way.
    Reduce,
}

/// What a Krylov space says of the wanted values.
pub(crate) struct Found<'a> {
    options: &'a Lanczos,
    pub(crate) values: Vec<f64>,
    /// Of every value, rounding included.
    residuals: Vec<f64>,
    rounding: f64,
    /// Of the errors that are allowed, the share that residuals may take before anything is looked for beside them.
    share: f64,
    algebraic: Vec<usize>,
    magnitude: Vec<usize>,
}

impl<'a> Found<'a> {
    pub(crate) fn new<V, K>(options: &'a Lanczos, k: usize, krylov: &Krylov<V, K>, share: f64) -> Result<Self, Error> {
        let (values, residuals) = krylov.ritz()?;
        let (algebraic, magnitude) = options.choose(&values, k);
        Ok(Self { options, values, residuals, rounding: krylov.rounding(), share, algebraic, magnitude })
    }

    /// Numbers of all wanted values once, largest first.
    fn wanted(&self) -> Vec<usize> {
        let mut wanted: Vec<usize> = self.algebraic.iter().chain(&self.magnitude).copied().collect();
        wanted.sort_unstable_by(|i, j| j.cmp(i));
        wanted.dedup();
        wanted
    }

    /// The error that value `i` may have.
    fn allowed(&self, i: usize) -> f64 {
        self.options.tolerance * self.values[i].abs()
    }

    /// The error that value `i` has, as far as it is one of the operator's.
    fn error(&self, i: usize) -> f64 {
        error_estimate(&self.values, &self.residuals, i)
    }

    /// Whether value `i` is one of the operator's as exactly as it may be known.
    fn settled(&self, i: usize) -> bool {
        let allowed = (self.share * self.allowed(i)).max(self.rounding);
        self.error(i) <= allowed && self.residuals[i] <= LOOSE * allowed
    }

    /// What must hold if the wanted values are the ones that were asked for, each with the value that it speaks of.
    fn claims(&self) -> Vec<(usize, Claim)> {
        let count = self.values.len();
        let above = |i: usize, at: f64, allowed: usize| (i, Claim { side: Side::Above, at, allowed });
        let below = |i: usize, at: f64, allowed: usize| (i, Claim { side: Side::Below, at, allowed });
        let room = |i: usize| self.allowed(i).max(self.rounding);
        let largest = |&i: &usize| above(i, self.values[i] + room(i), count - 1 - i);
        let outer = |&i: &usize| if self.values[i] < 0.0 { below(i, self.values[i] - room(i), i) } else { largest(&i) };
        let mut claims: Vec<(usize, Claim)> =
            self.algebraic.iter().map(largest).chain(self.magnitude.iter().map(outer)).collect();
        if let Some(&last) = self.magnitude.last() {
            let at = self.values[last].abs() + room(last);
            claims.push(above(last, at, self.values.iter().filter(|value| **value > at).count()));
            claims.push(below(last, -at, self.values.iter().filter(|value| **value < -at).count()));
        }
        claims
    }

    pub(crate) fn next<V, K>(&self, krylov: &Krylov<V, K>) -> Result<Next, Error> {
        if krylov.complete() {
            return Ok(Next::Nothing);
        }
        let open = |i: &usize| !self.settled(*i);
        if let Some(i) = self.wanted().into_iter().find(open) {
            return Ok(Next::Improve(i));
        }
        let Some(chain) = krylov.chain() else { return Ok(Next::Fresh) };
        let mut next = Next::Nothing;
        for (i, claim) in self.claims() {
            match chain.judge(&claim)? {
                Verdict::Shown => {}
                Verdict::Hopeless => return Ok(Next::Fresh),
                Verdict::GoOn => next = Next::Advance,
                Verdict::Residuals => {
                    let harmless = self.harmless();
                    let wanted = self.wanted();
                    let loose = wanted.iter().find(|&&i| !self.is_harmless(i));
                    let all = harmless.len() == self.values.len();
                    return Ok(if loose.is_some() || all { Next::Sharpen(i) } else { Next::Reduce });
                }
            }
        }
        Ok(next)
    }

    /// Whether value `i` can stay among what is known while the claims are shown.
    fn is_harmless(&self, i: usize) -> bool {
        self.claims()
            .iter()
            .all(|(of, claim)| claim.bears(self.values[i], self.residuals[i], self.allowed(*of).max(self.rounding)))
    }

    /// All such values, and the wanted ones.
    pub(crate) fn harmless(&self) -> Vec<usize> {
        let wanted = self.wanted();
        (0..self.values.len()).filter(|i| wanted.contains(i) || self.is_harmless(*i)).collect()
    }

    /// Whether the claims about value `i` are shown.
    fn shown<V, K>(&self, i: usize, krylov: &Krylov<V, K>) -> Result<bool, Error> {
        if krylov.complete() {
            return Ok(true);
        }
        let Some(chain) = krylov.chain() else { return Ok(false) };
        for (_, claim) in self.claims().into_iter().filter(|(of, _)| *of == i) {
            if chain.judge(&claim)? != Verdict::Shown {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn into_spectrum<S: Space>(
        self,
        space: &mut S,
        krylov: Krylov<S::Vector, S::Stored>,
    ) -> Result<SpectrumOf<S::Vector>, Error> {
        let wanted = self.wanted();
        let position = |i: &usize| wanted.iter().position(|w| w == i).unwrap_or_default();
        let (algebraic, magnitude) =
            (self.algebraic.iter().map(position).collect(), self.magnitude.iter().map(position).collect());
        let mut converged = Vec::new();
        for &i in &wanted {
            let known = self.error(i) + self.rounding <= self.allowed(i)
                && self.residuals[i] + self.rounding <= LOOSE * self.allowed(i)
                || self.rounding == 0.0 && self.error(i) == 0.0;
            converged.push(known && self.shown(i, &krylov)?);
        }
        let products = krylov.products;
        let other = (0..self.values.len()).rev().find(|i| !wanted.contains(i));
        let other = other.map(|i| (self.values[i], self.residuals[i]));
        let pair = |((&i, vector), converged): ((&usize, S::Vector), bool)| EigenpairOf {
            value: self.values[i],
            vector,
            residual_bound: self.residuals[i] + self.rounding,
            error_estimate: self.error(i) + self.rounding,
            converged,
        };
        let pairs = wanted.iter().zip(krylov.into_vectors(space, &wanted)?).zip(converged).map(pair).collect();
        Ok(SpectrumOf { pairs, products, algebraic, magnitude, other })
    }
}

/// An estimate of the error of Ritz value `i`, of values in ascending order: `r^2 / gap`, or r where that is less. A neighbour is
/// where its own residual allows it to be, so one that is not known yet leaves no gap.
///
/// Source: Parlett, *The Symmetric Eigenvalue Problem*, 1980, section 11.7.
fn error_estimate(values: &[f64], residuals: &[f64], i: usize) -> f64 {
    let neighbours = [i.checked_sub(1), Some(i + 1)].into_iter().flatten().filter(|&j| j < values.len());
    let gap = neighbours.map(|j| (values[i] - values[j]).abs() - residuals[j]).fold(f64::INFINITY, f64::min);
    // Of one value alone nothing is known.
    let gap = if gap.is_finite() { gap } else { 0.0 };
    residuals[i] * residuals[i] / gap.max(residuals[i]).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_estimated_by_the_nearer_neighbour() {
        let (values, residuals) = ([1.0, 4.0, 6.0], [0.5, 0.25, 1.0]);
        // 1/4 over 4 - 1 - 1/4, 1/16 over 6 - 4 - 1, and 1 over 6 - 4 - 1/4.
        assert_eq!([0, 1, 2].map(|i| error_estimate(&values, &residuals, i)), [0.25 / 2.75, 0.0625, 1.0 / 1.75]);
        // A neighbour that may be anywhere.
        assert_eq!(error_estimate(&values, &[0.5, 0.25, 7.0], 1), 0.25);
        assert_eq!(error_estimate(&[2.0], &[0.5], 0), 0.5);
        assert_eq!(error_estimate(&[2.0, 2.0], &[0.0, 0.0], 0), 0.0);
    }
}
