use crate::Error;
use crate::eigen;

/// The probability that a random start hides an eigenvalue that a certificate excludes.
pub(crate) const MISSED: f64 = 0.05;

/// An end of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Above,
    Below,
}

/// What is said of an end: no more than `allowed` eigenvalues lie beyond `at`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Claim {
    pub(crate) side: Side,
    pub(crate) at: f64,
    pub(crate) allowed: usize,
}

impl Claim {
    /// Whether a vector that is known, with this Ritz value and residual, cannot stand in the way: it does not pass `at`, even where the
    /// next eigenvalue comes as near to that as half of `room`.
    pub(crate) fn bears(&self, value: f64, residual: f64, room: f64) -> bool {
        let distance = if self.side == Side::Above { self.at - value } else { value - self.at };
        distance <= 0.0 || residual * residual <= 0.25 * distance * room
    }
}

/// How far a claim is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It holds, but for the probability [`MISSED`].
    Shown,
    /// More products of the same chain may show it.
    GoOn,
    /// The chain itself has an eigenvalue there, so that it will never show it; one that leaves out what is known now may.
    Hopeless,
    /// The residuals of what was known when the chain began are too large.
    Residuals,
}

/// A Lanczos process from a random vector, in the complement of what was known when it began.
///
/// Let M be an orthonormal basis of what was known, `A M = M H + W` with W orthogonal to M, and B the operator in the complement
/// of M. With `beta_j p_j(t) = (t - alpha_j) p_(j-1)(t) - beta_(j-1) p_(j-2)(t)` the polynomials of the process, the vectors
/// `p_j(B) x` have unit length. So an eigenvalue t of B of which the start x holds the part c has `|c p_j(t)| <= 1`; beyond the
/// largest Ritz value p_j grows. That c is smaller than `MISSED sqrt(pi / (2 d))`, in d dimensions, has the probability
/// `MISSED` at most, so B has no eigenvalue where p_j is larger than one over it: beyond some mu. Then by Schur's complement
/// A has no more eigenvalues above `t > mu` than `H + W' W / (t - mu)` has.
///
/// Source: van Dorsselaer, Hochstenbach, van der Vorst, SIAM J. Matrix Anal. Appl. 22 (2000), for the bound by polynomials.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// H, and `W' W`.
    known: Vec<Vec<f64>>,
    leaving: Vec<Vec<f64>>,
    alphas: Vec<f64>,
    /// The last is 0 once the process has used up its space.
    betas: Vec<f64>,
    /// One over the smallest part of a direction that the start may be trusted to hold.
    limit: f64,
}

impl Chain {
    /// A chain from a vector that is random, or of which the share `share` is, in a complement of `dim` dimensions.
    pub(crate) fn new(known: Vec<Vec<f64>>, leaving: Vec<Vec<f64>>, dim: usize, share: f64) -> Self {
        let part = share * MISSED * (std::f64::consts::PI / (2.0 * dim as f64)).sqrt();
        Self { known, leaving, alphas: Vec::new(), betas: Vec::new(), limit: 1.0 / part }
    }

    /// A step of the process: the diagonal and the next element beside it.
    pub(crate) fn push(&mut self, alpha: f64, beta: f64) {
        self.alphas.push(alpha);
        self.betas.push(beta);
    }

    /// Whether the process has used up its space.
    pub(crate) fn ended(&self) -> bool {
        self.betas.last() == Some(&0.0)
    }

    /// Whether the claim is shown.
    pub(crate) fn judge(&self, claim: &Claim) -> Result<Verdict, Error> {
        let (side, at) = (claim.side, claim.at);
        if self.alphas.is_empty() {
            return Ok(Verdict::GoOn);
        }
        match self.beyond(side, at) {
            Beyond::Ritz => return Ok(Verdict::Hopeless),
            Beyond::Open => return Ok(Verdict::GoOn),
            Beyond::Excluded => {}
        }
        if self.known.len() <= claim.allowed {
            return Ok(Verdict::Shown);
        }
        // From here on all is measured from `at` outwards.
        let sign = if side == Side::Above { 1.0 } else { -1.0 };
        let reach = self.alphas.iter().chain(&self.betas).map(|x| x.abs()).fold(at.abs(), f64::max);
        let (mut inner, mut outer) = (at - sign * 4.0 * reach, at);
        for _ in 0..60 {
            let middle = 0.5 * (inner + outer);
            if self.beyond(side, middle) == Beyond::Excluded { outer = middle } else { inner = middle }
        }
        let (mut ritz, mut low) = (outer, at - sign * 4.0 * reach);
        for _ in 0..60 {
            let middle = 0.5 * (ritz + low);
            if self.beyond(side, middle) == Beyond::Ritz { low = middle } else { ritz = middle }
        }
        let count = |gap: f64| -> Result<usize, Error> {
            let shift = |w: f64| if w == 0.0 { 0.0 } else { w / gap.max(f64::EPSILON * reach) };
            let rows = self.known.iter().zip(&self.leaving);
            let matrix = rows.map(|(h, w)| h.iter().zip(w).map(|(h, w)| sign * h + shift(*w)).collect()).collect();
            Ok(eigen::symmetric(matrix)?.values.iter().filter(|value| **value > sign * at).count())
        };
        if count((at - outer).abs())? <= claim.allowed {
            return Ok(Verdict::Shown);
        }
        let best = count((at - ritz).abs())?;
        Ok(if best <= claim.allowed { Verdict::GoOn } else { Verdict::Residuals })
    }

    /// Where `at` lies: all p_j must be positive there, and one beyond the limit.
    fn beyond(&self, side: Side, at: f64) -> Beyond {
        let sign = if side == Side::Above { 1.0 } else { -1.0 };
        let (mut last, mut p, mut before) = (0.0, 1.0_f64, 0.0);
        let mut excluded = false;
        for (&alpha, &beta) in self.alphas.iter().zip(&self.betas) {
            let next = sign * (at - alpha) * p - before * last;
            if beta == 0.0 {
                return if next >= 0.0 { Beyond::Excluded } else { Beyond::Ritz };
            }
            if next <= 0.0 {
                return Beyond::Ritz;
            }
            (last, p, before) = (p, next / beta, beta);
            excluded |= p >= self.limit;
            if p > 1e100 {
                // Only signs matter from here on.
                (last, p) = (last * 1e-100, p * 1e-100);
            }
        }
        if excluded { Beyond::Excluded } else { Beyond::Open }
    }
}

/// Where a number lies for a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// Not outside of its Ritz values.
    Ritz,
    /// Outside, and there may be an eigenvalue.
    Open,
    /// There is none.
    Excluded,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krylov::Krylov;
    use crate::operator::samples::reflected;
    use crate::seeded::unit_vector;
    use crate::space::{Host, Stored};

    const NONE: Claim = Claim { side: Side::Above, at: 0.0, allowed: 0 };

    /// A chain from a random vector after so many products with `diag(values)` between reflections.
    fn grown(values: &[f64], products: usize, seed: u64) -> Krylov<Vec<f64>, Stored<f64>> {
        let (mut a, _) = reflected(values);
        let mut space = Host::new(&mut a, 1).unwrap();
        let mut krylov = Krylov::new(&space, unit_vector(seed, values.len()), seed);
        (0..products).for_each(|_| krylov.advance(&mut space).unwrap());
        krylov
    }

    #[test]
    fn what_is_excluded_is_not_there() {
        let values: Vec<f64> = (0..200).map(|i| 5.0 * (-0.05 * f64::from(i)).exp() - 1.0).collect();
        let mut wrong = [0, 0];
        for seed in 0..100 {
            for products in [3, 8, 15] {
                let krylov = grown(&values, products, seed);
                let shown =
                    |side, at| krylov.chain().unwrap().judge(&Claim { side, at, ..NONE }).unwrap() == Verdict::Shown;
                // 4 is an eigenvalue, and the least is just above -1.
                wrong[0] += usize::from(shown(Side::Above, 4.0 - 1e-9));
                wrong[1] += usize::from(shown(Side::Below, -1.0 + 0.1));
            }
            let krylov = grown(&values, 15, seed);
            let judge = |side, at| krylov.chain().unwrap().judge(&Claim { side, at, ..NONE }).unwrap();
            assert_eq!((judge(Side::Above, 4.4), judge(Side::Below, -1.5)), (Verdict::Shown, Verdict::Shown));
            assert_eq!(judge(Side::Above, 3.0), Verdict::Hopeless);
        }
        assert!(wrong.iter().all(|wrong| *wrong <= 15), "more than 5 % of 300: {wrong:?}");
    }

    #[test]
    fn a_space_that_is_used_up_is_known_for_certain() {
        let krylov = grown(&[2.0; 30], 1, 1);
        let chain = krylov.chain().unwrap();
        assert!(chain.ended());
        assert_eq!(chain.judge(&Claim { at: 2.0 + 1e-12, ..NONE }).unwrap(), Verdict::Shown);
        assert_eq!(chain.judge(&Claim { at: 1.9, ..NONE }).unwrap(), Verdict::Hopeless);
        assert_eq!(chain.judge(&Claim { side: Side::Below, at: 1.9, ..NONE }).unwrap(), Verdict::Shown);
    }

    #[test]
    fn schurs_complement_by_hand() {
        // What was known: the value 3 with the residual 0.5; the complement has 1 alone, which the chain has used up. The whole is
        // [[3, 0.5], [0.5, 1]], with the largest value 2 + sqrt 1.25 = 3.118.
        let mut chain = Chain::new(vec![vec![3.0]], vec![vec![0.25]], 1, 1.0);
        chain.push(1.0, 0.0);
        let judge = |at| chain.judge(&Claim { at, ..NONE }).unwrap();
        assert_eq!((judge(3.119), judge(3.117)), (Verdict::Shown, Verdict::Residuals));
        assert_eq!(chain.judge(&Claim { at: 2.0, allowed: 1, ..NONE }).unwrap(), Verdict::Shown);
    }

    #[test]
    fn a_larger_value_is_missed_as_seldom_as_stated() {
        // One value stands 2 % above another, in 100 dimensions.
        let mut values = vec![1.0; 100];
        (values[0], values[1], values[2]) = (1.02, 0.2, -0.3);
        let missed = (0..1000).filter(|&seed| {
            let krylov = grown(&values, 3, seed);
            let claim = Claim { at: 1.02 - 1e-6, ..NONE };
            krylov.chain().unwrap().judge(&claim).unwrap() == Verdict::Shown
        });
        assert!(missed.count() <= 60);
    }
}
