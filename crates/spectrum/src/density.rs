use onedge_objective::Real;

use crate::forms::{Form, Forms, Moments};
use crate::krylov::Krylov;
use crate::sampling::stream;
use crate::shares::shares;
use crate::space::Host;
use crate::{Error, Estimate, LinearOperator, Shares, Space};

/// The density of eigenvalues as a sum of points: Ritz values with weights that sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// `(value, weight)`, in ascending order of the values.
    pub nodes: Vec<(f64, f64)>,
}

/// What [`density`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectralDensity {
    /// The density.
    pub density: Density,
    /// The mean of the eigenvalues, the trace over their number.
    pub mean: Estimate,
    /// How many of them are negative, zero and positive.
    pub shares: Shares,
    /// Products used.
    pub products: usize,
}

/// The spectral density by stochastic Lanczos quadrature: `steps` Lanczos products from each of `vectors` random signs; a Ritz
/// value counts as the square of the first element of its vector, over `vectors`.
///
/// Moments of the density up to the `2 steps - 1`st are those that Hutchinson's estimator has with the same vectors. The points are where few
/// steps can tell; how much lies below a place is bounded by Gauss-Radau rules, from which the shares come.
///
/// # Errors
/// No steps or vectors; a product that is not finite.
///
/// Cost: `steps * vectors` products, memory for `steps + 1` vectors.
///
/// Source: Lin, Saad, Yang, SIAM Review 58 (2016); for networks Ghorbani, Krishnan, Xiao 2019, arXiv 1901.10159.
pub fn density<T: Real>(
    operator: &mut dyn LinearOperator<T>,
    steps: usize,
    vectors: usize,
    seed: u64,
    threads: usize,
) -> Result<SpectralDensity, Error> {
    density_in(&mut Host::new(operator, threads)?, steps, vectors, seed)
}

/// The same of the operator of a [`Space`].
///
/// # Errors
/// Those of [`density`], and of the space.
///
/// Cost: as for [`density`].
pub fn density_in<S: Space>(space: &mut S, steps: usize, vectors: usize, seed: u64) -> Result<SpectralDensity, Error> {
    let dim = space.dim();
    Error::require_dimension(dim)?;
    Error::require_option(steps > 0, "steps", "1 or more", steps)?;
    Error::require_option(vectors > 0, "vectors", "1 or more", vectors)?;
    let (mut spaces, mut products, mut largest) = (Vec::new(), 0, 0.0_f64);
    let (mut nodes, mut forms) = (Vec::new(), Forms::new(space, Form::Trace)?);
    for i in 0..vectors as u64 {
        let signs = space.signs(stream(seed, i))?;
        let mut start = space.copy(&signs)?;
        let norm = space.norm(&start)?;
        space.scale(1.0 / norm, &mut start)?;
        let mut krylov = Krylov::new(space, start, seed).keeping_first();
        // An invariant space holds all that the start has part in.
        while krylov.products < steps && krylov.breakdowns == 0 && (krylov.products == 0 || !krylov.complete()) {
            krylov.advance(space)?;
        }
        if let Some(mut product) = krylov.take_first() {
            space.scale(norm, &mut product)?;
            forms.add(space, &signs, &product)?;
        }
        products += krylov.products;
        let projected = krylov.jacobi();
        let quadrature = projected.quadrature()?;
        largest = quadrature.iter().fold(largest, |largest, node| largest.max(node.0.abs()));
        nodes.extend(quadrature.into_iter().map(|(value, weight)| (value, weight / vectors as f64)));
        spaces.push(projected);
    }
    nodes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let tolerance = largest * if space.epsilon() > 1e-10 { 1e-5 } else { 1e-12 };
    Ok(SpectralDensity {
        density: Density { nodes },
        mean: mean(&forms, dim)?,
        shares: shares(&spaces, dim, tolerance)?,
        products,
    })
}

/// The mean eigenvalue, from first products; its error, of a single vector as of several, is that of the matrix.
fn mean<M>(forms: &Forms<M>, dim: usize) -> Result<Estimate, Error> {
    let dim = dim as f64;
    let estimate = match forms.count() {
        1 => {
            let Moments { mean, variance, .. } = forms.moments();
            Estimate { value: mean, standard_error: variance.sqrt(), samples: 1, settled: false }
        }
        count => Estimate::new(forms, count, f64::INFINITY)?,
    };
    Ok(Estimate { value: estimate.value / dim, standard_error: estimate.standard_error / dim, ..estimate })
}

impl Density {
    /// The mean of `f` over the eigenvalues; times their number, the trace of `f(A)`.
    pub fn mean(&self, f: impl Fn(f64) -> f64) -> f64 {
        self.nodes.iter().map(|&(value, weight)| weight * f(value)).sum()
    }

    /// The density smoothed by a Gaussian of standard deviation `width`, at `points` places over the whole range and three
    /// widths beyond: `(place, density)`. The width is a share `relative_width` of the range (of 1 if that is zero).
    pub fn curve(&self, points: usize, relative_width: f64) -> Vec<(f64, f64)> {
        let (Some(first), Some(last)) = (self.nodes.first(), self.nodes.last()) else { return Vec::new() };
        let range = last.0 - first.0;
        let width = relative_width * if range > 0.0 { range } else { 1.0 };
        let (low, high) = (first.0 - 3.0 * width, last.0 + 3.0 * width);
        let scale = 1.0 / (width * std::f64::consts::TAU.sqrt());
        let at = |x: f64| self.mean(|value| scale * (-0.5 * ((x - value) / width).powi(2)).exp());
        let place = |i: usize| low + (high - low) * i as f64 / (points.max(2) - 1) as f64;
        (0..points.max(2)).map(|i| (place(i), at(place(i)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use onedge_objective::vector;

    use super::*;
    use crate::operator::samples::reflected;
    use crate::seeded::signs;

    #[test]
    fn moments_are_those_of_hutchinsons_estimator() {
        let spectrum: Vec<f64> = (0..40).map(|i| (f64::from(i) * 0.9).sin() * 3.0 + 0.5).collect();
        let (mut a, _) = reflected(&spectrum);
        let found = density(&mut a, 6, 5, 4, 1).unwrap();
        assert_eq!(found.products, 6 * 5);
        let density = found.density;
        for power in 0..12 {
            let mut expected = 0.0;
            for i in 0..5 {
                let start: Vec<f64> = signs(stream(4, i), 40);
                let mut v = start.clone();
                for _ in 0..power {
                    let mut next = vec![0.0; 40];
                    a.apply(&v, &mut next).unwrap();
                    v = next;
                }
                expected += vector::dot(&start, &v) / 40.0 / 5.0;
            }
            let moment = density.mean(|x| x.powi(power));
            assert!((moment - expected).abs() < 1e-11 * 3.5_f64.powi(power), "{power}: {moment} {expected}");
        }
    }

    #[test]
    fn few_eigenvalues_are_points_with_their_shares() {
        let (mut a, _) = reflected(&[2.0, 2.0, 2.0, -1.0]);
        let density = density(&mut a, 10, 400, 1, 1).unwrap().density;
        let at_two = density.mean(|x| f64::from(u8::from((x - 2.0).abs() < 1e-9)));
        let elsewhere = density.mean(|x| f64::from(u8::from((x - 2.0).abs() > 1e-9 && (x + 1.0).abs() > 1e-9)));
        assert!((at_two - 0.75).abs() < 0.06 && elsewhere < 1e-9, "{at_two} {elsewhere}");
    }

    #[test]
    fn the_curve_by_hand() {
        // Range 4, so that a quarter of it is a width of 1, and the curve goes from -3 to 7.
        let density = Density { nodes: vec![(0.0, 0.25), (4.0, 0.75)] };
        let curve = density.curve(11, 0.25);
        let places: Vec<f64> = curve.iter().map(|(x, _)| *x).collect();
        assert!(places.iter().zip(-3..=7).all(|(x, i)| (x - f64::from(i)).abs() < 1e-12), "{places:?}");
        let bell = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        assert!((curve[3].1 - (0.25 * bell(0.0) + 0.75 * bell(4.0))).abs() < 1e-15);
        assert!((curve[5].1 - (0.25 * bell(2.0) + 0.75 * bell(2.0))).abs() < 1e-15);
        // Of a single point the width is a share of 1.
        let point = Density { nodes: vec![(2.0, 1.0)] }.curve(3, 0.5);
        assert_eq!([point[0].0, point[1].0, point[2].0], [0.5, 2.0, 3.5]);
        assert!((point[1].1 - 2.0 * bell(0.0)).abs() < 1e-15);
    }

    #[test]
    fn nothing_is_no_number_of_steps_or_vectors() {
        let (mut a, _) = reflected(&[1.0, 2.0]);
        assert!(density(&mut a, 0, 1, 1, 1).is_err() && density(&mut a, 1, 0, 1, 1).is_err());
        assert!(density(&mut a, 1, 1, 1, 1).is_ok());
    }

    #[test]
    fn the_curve_integrates_to_one() {
        let (mut a, _) = reflected(&[5.0, -2.0, 0.1, 0.2, 0.3]);
        let curve = density(&mut a, 5, 3, 1, 1).unwrap().density.curve(2000, 0.01);
        let step = curve[1].0 - curve[0].0;
        let integral: f64 = curve.iter().map(|(_, density)| density * step).sum();
        assert!((integral - 1.0).abs() < 5e-3, "{integral}");
    }
}
