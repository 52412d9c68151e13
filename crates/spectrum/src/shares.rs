use crate::{Error, Estimate, eigen};

/// The projection of an operator onto a Krylov space: a tridiagonal matrix, and what couples it to the vector that comes next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Jacobi {
    pub(crate) diagonal: Vec<f64>,
    /// One shorter.
    pub(crate) off: Vec<f64>,
    /// 0 where the space holds all that the start has part in.
    pub(crate) next: f64,
}

/// The shares of the eigenvalues that are negative, zero and positive. Each is the middle of its own bounds, so that they sum to 1 only where these
/// leave nothing open.
///
/// Zero is what lies within [`tolerance`](Self::tolerance) of it: what rounding makes of a zero is no curvature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// The share below `-tolerance`.
    pub negative: Estimate,
    /// The share from `-tolerance` to `tolerance`.
    pub zero: Estimate,
    /// The share above `tolerance`.
    pub positive: Estimate,
    /// What counts as zero: `1e-5` of the largest absolute value in single precision, `1e-12` in double.
    pub tolerance: f64,
}

impl Jacobi {
    /// Nodes and weights of the Gauss quadrature that belongs to the start: each Ritz value with the square of the first element of its
    /// vector.
    ///
    /// Source: Golub, Welsch, Math. Comp. 23 (1969).
    pub(crate) fn quadrature(&self) -> Result<Vec<(f64, f64)>, Error> {
        let eigen = eigen::tridiagonal_first_row(&self.diagonal, &self.off)?;
        let weight = |s: &Vec<f64>| s[0] * s[0];
        Ok(eigen.values.iter().copied().zip(eigen.vectors.iter().map(weight)).collect())
    }

    /// Bounds of the start's weight on eigenvalues below `x`, the best that its moments allow.
    ///
    /// The Gauss-Radau rule with a node at x has the same moments, and among all measures which have them its weight below x is the least,
    /// and that with x the largest. Its matrix is this one with one more row, whose diagonal element makes x an eigenvalue:
    /// `x + next^2 / d_m`, `d_m` the last pivot of this matrix less x.
    ///
    /// Source: Golub, SIAM Review 15 (1973), section 7; the inequalities are those of Chebyshev, Markov and Stieltjes.
    fn below(&self, x: f64) -> Result<(f64, f64), Error> {
        let sum = |nodes: &[(f64, f64)]| nodes.iter().filter(|node| node.0 < x).fold(0.0, |sum, node| sum + node.1);
        if self.next == 0.0 {
            let lower = sum(&self.quadrature()?);
            return Ok((lower, lower));
        }
        let pivot = self.diagonal.iter().zip([0.0].iter().chain(&self.off)).fold(1.0, |pivot, (diagonal, off)| {
            let pivot = diagonal - x - off * off / pivot;
            // x is an eigenvalue of a leading part: as good as next to it.
            if pivot == 0.0 { f64::MIN_POSITIVE.sqrt() } else { pivot }
        });
        let radau = Jacobi {
            diagonal: self.diagonal.iter().copied().chain([x + self.next * self.next / pivot]).collect(),
            off: self.off.iter().copied().chain([self.next]).collect(),
            next: 0.0,
        };
        let mut nodes = radau.quadrature()?;
        // The node that was set is known but for rounding.
        let at = (0..nodes.len()).min_by(|&i, &j| (nodes[i].0 - x).abs().total_cmp(&(nodes[j].0 - x).abs()));
        let weight = at.map_or(0.0, |at| nodes.remove(at).1);
        let lower = sum(&nodes);
        Ok((lower, (lower + weight).min(1.0)))
    }
}

/// The shares by the Krylov spaces of several random signs on `dim` dimensions, with what counts as zero.
///
/// A share is the middle of its bounds. Its error has two parts: what the bounds leave open, and what the signs scatter. As a projection P
/// of trace `p dim` has `|P|_F^2 = p dim` and `sum P_ii^2 >= p^2 dim`, that is at most `sqrt(2 p (1 - p) / (dim vectors))`, and nearly that
/// where no eigenvector lies along few parameters.
pub(crate) fn shares(spaces: &[Jacobi], dim: usize, tolerance: f64) -> Result<Shares, Error> {
    let (mut below, mut upto) = (Vec::new(), Vec::new());
    for space in spaces {
        below.push(space.below(-tolerance)?);
        // What is at the tolerance is zero too, as far as floats can tell.
        upto.push(space.below(tolerance.next_up())?);
    }
    let between = |low: &(f64, f64), high: &(f64, f64)| ((high.0 - low.1).max(0.0), (high.1 - low.0).clamp(0.0, 1.0));
    let zero: Vec<(f64, f64)> = below.iter().zip(&upto).map(|(low, high)| between(low, high)).collect();
    let above: Vec<(f64, f64)> = upto.iter().map(|(low, high)| (1.0 - high, 1.0 - low)).collect();
    Ok(Shares { negative: share(&below, dim), zero: share(&zero, dim), positive: share(&above, dim), tolerance })
}

/// One share, from its bounds by each vector.
fn share(bounds: &[(f64, f64)], dim: usize) -> Estimate {
    let count = bounds.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| bounds.iter().map(of).sum::<f64>() / count;
    let value = mean(&|(low, high)| 0.5 * (low + high));
    let half = mean(&|(low, high)| 0.5 * (high - low));
    let scatter = (2.0 * value.clamp(0.0, 1.0) * (1.0 - value).clamp(0.0, 1.0) / (dim as f64 * count)).sqrt();
    // An error of up to `half` with every value alike has this standard deviation.
    let error = scatter.hypot(half / 3.0_f64.sqrt());
    Estimate { value, standard_error: error, samples: bounds.len(), settled: false }
}

#[cfg(test)]
mod tests {
    use onedge_objective::{Real, vector};

    use super::*;
    use crate::krylov::Krylov;
    use crate::operator::samples::reflected;
    use crate::sampling::stream;
    use crate::seeded::signs;
    use crate::space::Host;
    use crate::{Dense, LinearOperator, density};

    /// A matrix with this spectrum in another precision.
    struct Cast(Dense<f64>);

    impl LinearOperator<f32> for Cast {
        fn dim(&self) -> usize {
            self.0.dim()
        }
        fn apply(&mut self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
            let v: Vec<f64> = v.iter().map(|x| f64::from(*x)).collect();
            let mut product = vec![0.0; v.len()];
            self.0.apply(&v, &mut product)?;
            out.iter_mut().zip(product).for_each(|(out, x)| *out = f32::from_f64(x));
            Ok(())
        }
    }

    fn spread(count: u32) -> Vec<f64> {
        (0..count).map(|i| (f64::from(i) * 1.7).sin() + 0.4).collect()
    }

    #[test]
    fn bounds_hold_the_weight_of_the_start() {
        let spectrum = spread(50);
        let (mut a, vectors) = reflected(&spectrum);
        for seed in 0..20 {
            let mut start: Vec<f64> = signs(stream(3, seed), 50);
            vector::scale(1.0 / 50.0_f64.sqrt(), &mut start);
            for steps in [1, 2, 5, 12] {
                let mut space = Host::new(&mut a, 1).unwrap();
                let mut krylov = Krylov::new(&space, start.clone(), 1);
                (0..steps).for_each(|_| krylov.advance(&mut space).unwrap());
                let space = krylov.jacobi();
                for x in [-2.0, -0.45, -1e-9, 0.0, 0.3, 1.1, 1.39, 2.0] {
                    let weights =
                        spectrum.iter().zip(&vectors).map(|(value, v)| (value, vector::dot(v, &start).powi(2)));
                    let truth: f64 = weights.filter(|(value, _)| **value < x).map(|(_, weight)| weight).sum();
                    let (low, high) = space.below(x).unwrap();
                    let holds = low <= truth + 1e-12 && truth <= high + 1e-12 && high <= 1.0;
                    assert!(holds, "{steps} steps, {x}: {low} {truth} {high}");
                }
            }
        }
    }

    /// Bounds by two steps, by hand: of the moments 1, 0, 1 the weight below 0 is anything, below -1 at most a half.
    #[test]
    fn bounds_by_hand() {
        let space = Jacobi { diagonal: vec![0.0], off: Vec::new(), next: 1.0 };
        // The rule with a node at 1 has its other node at -1.
        let (low, high) = space.below(1.0).unwrap();
        assert!((low - 0.5).abs() < 1e-15 && (high - 1.0).abs() < 1e-15, "{low} {high}");
        // With a node at -2 the other one is at 1 / 2, and the weights are 1 / 5 and 4 / 5.
        let (low, high) = space.below(-2.0).unwrap();
        assert!(low == 0.0 && (high - 0.2).abs() < 1e-15, "{low} {high}");
        // A space that holds all: two eigenvalues, -1 and 1.
        let whole = Jacobi { diagonal: vec![0.0, 0.0], off: vec![1.0], next: 0.0 };
        let (low, high) = whole.below(0.0).unwrap();
        assert!((low - 0.5).abs() < 1e-15 && low == high);
    }

    #[test]
    fn null_spaces_are_no_negative_curvature_in_either_precision() {
        for (rank, dim) in [(1, 40), (5, 40), (20, 40), (30, 100)] {
            let mut spectrum = vec![0.0; dim];
            (0..rank).for_each(|i| spectrum[i] = 10.0 / (1.0 + i as f64));
            let (a, _) = reflected(&spectrum);
            for seed in 0..10 {
                let double = density(&mut a.clone(), 64, 4, seed, 1).unwrap().shares;
                let single = density(&mut Cast(a.clone()), 64, 4, seed, 1).unwrap().shares;
                for found in [double, single] {
                    let truth = [0.0, 1.0 - rank as f64 / dim as f64, rank as f64 / dim as f64];
                    let parts = [found.negative, found.zero, found.positive];
                    assert!(found.negative.value < 1e-9, "{rank} of {dim}: {found:?}");
                    for (part, truth) in parts.iter().zip(truth) {
                        let within = (part.value - truth).abs() <= 4.0 * part.standard_error + 1e-6;
                        assert!(within, "{rank} of {dim}: {found:?}");
                    }
                    let sum: f64 = parts.iter().map(|part| part.value).sum();
                    let open: f64 = parts.iter().map(|part| 2.0 * part.standard_error).sum();
                    assert!((sum - 1.0).abs() <= open + 1e-12, "{found:?}");
                }
            }
        }
    }

    #[test]
    fn a_zero_matrix_is_all_zero() {
        let found = density(&mut Dense::diagonal(&[0.0; 7]), 10, 3, 1, 1).unwrap();
        let Shares { negative, zero, positive, tolerance } = found.shares;
        assert_eq!([negative.value, zero.value, positive.value, tolerance], [0.0, 1.0, 0.0, 0.0]);
        assert_eq!((found.mean.value, found.mean.standard_error, zero.standard_error), (0.0, 0.0, 0.0));
    }

    /// More values than steps, some at both sides of a null space: the bounds leave much open, and hold all three shares.
    #[test]
    fn what_few_steps_cannot_tell_is_said() {
        let mut spectrum: Vec<f64> = (0..300).map(|i| 10.0 / (1.0 + f64::from(i)).powf(1.7)).collect();
        spectrum.extend((0..30).map(|i| -0.3 / (1.0 + f64::from(i))));
        spectrum.extend([0.0; 370]);
        let (mut a, _) = reflected(&spectrum);
        let tolerance = 1e-12 * 10.0;
        let count = |is: &dyn Fn(f64) -> bool| spectrum.iter().filter(|x| is(**x)).count() as f64 / 700.0;
        let truth = [count(&|x| x < -tolerance), count(&|x| x.abs() <= tolerance), count(&|x| x > tolerance)];
        for seed in 0..5 {
            let found = density(&mut a, 40, 4, seed, 1).unwrap().shares;
            for (part, truth) in [found.negative, found.zero, found.positive].iter().zip(truth) {
                assert!((part.value - truth).abs() <= 1.96 * part.standard_error, "{found:?} {truth}");
            }
        }
    }

    /// Few steps, so that the bounds matter, and enough, so that the signs do: over seeds, the intervals hold the truth.
    #[test]
    fn intervals_hold_the_truth() {
        let spectrum = spread(80);
        let truth = spectrum.iter().filter(|value| **value < 0.0).count() as f64 / 80.0;
        let (mut a, _) = reflected(&spectrum);
        for (steps, error) in [(8, 0.2), (64, 0.05)] {
            let mut held = 0;
            for seed in 0..200 {
                let share = density(&mut a, steps, 4, seed, 1).unwrap().shares.negative;
                held += u32::from((share.value - truth).abs() <= 1.96 * share.standard_error);
                assert!(share.standard_error < error, "{steps}: {share:?}");
            }
            assert!(held >= 184, "{steps} steps: {held} of 200");
        }
    }
}
