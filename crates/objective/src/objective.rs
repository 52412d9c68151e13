use crate::{Costs, Error, Part, Probe, Real, Shelf, vector};

/// A twice differentiable loss `L(w)` on `w` in R^P, exact derivatives included.
///
/// [`linearize`](Self::linearize) fixes a point; [`curvature`](Self::curvature) and
/// [`hessian_vector`](Self::hessian_vector) then speak of that point until the next `linearize`.
/// [`loss`](Self::loss) is forward only and leaves the point alone, so a linesearch may call it freely.
pub trait Objective<T: Real> {
    /// P, the number of parameters.
    fn dim(&self) -> usize;

    /// The loss at `w`; writes its gradient and keeps what the two calls below need.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if the loss is not finite, [`Error::Length`] if a slice is not of length P.
    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Error>;

    /// `u . H u` at the linearised point. As provided it is `u . (H u)`, for the cost of a product; an objective that knows a cheaper way
    /// says so here and in [`costs`](Self::costs).
    ///
    /// # Errors
    /// [`Error::NotLinearized`] before the first `linearize`; [`Error::NonFinite`], [`Error::Length`].
    fn curvature(&mut self, u: &[T]) -> Result<f64, Error> {
        let mut product = vec![T::ZERO; self.dim()];
        self.hessian_vector(u, &mut product)?;
        Error::require_finite(Probe::Curvature, vector::dot(u, &product))
    }

    /// `H v` at the linearised point.
    ///
    /// # Errors
    /// As for `curvature`.
    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error>;

    /// `H v` of several vectors at the linearised point, to the bits of one after the other.
    ///
    /// # Errors
    /// As for `curvature`; [`Error::Length`] if there are not as many products as vectors.
    ///
    /// Cost: as provided that of so many products; less where [`products_at_once`](Self::products_at_once) is more than 1.
    fn hessian_vectors(&mut self, vectors: &[Vec<T>], out: &mut [Vec<T>]) -> Result<(), Error> {
        Error::require_length("out", vectors.len(), out.len())?;
        vectors.iter().zip(out).try_for_each(|(v, out)| self.hessian_vector(v, out))
    }

    /// Of how many vectors [`hessian_vectors`](Self::hessian_vectors) is best asked at once: 1, as here, where that saves nothing.
    fn products_at_once(&self) -> usize {
        1
    }

    /// `G v` at the linearised point, with the Gauss-Newton matrix `G = J' B J` of a loss of model outputs: J their derivative by
    /// the parameters, B the Hessian of the loss by the outputs. An L2 term counts in full.
    ///
    /// # Errors
    /// As for `curvature`; [`Error::Unsupported`] from an objective that knows of no outputs, as here.
    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        let _ = (v, out);
        Err(Error::Unsupported { probe: Probe::GaussNewtonVector })
    }

    /// Says of which part of the examples [`part_curvature`](Self::part_curvature) and [`part_gradient`](Self::part_gradient) speak from
    /// now on; `None` of none. Said before `linearize`, so that only what that part needs has to be kept; the point may be lost.
    ///
    /// # Errors
    /// [`Error::Unsupported`] from an objective that is no mean over examples, as here.
    fn set_part(&mut self, part: Option<Part>) -> Result<(), Error> {
        match part {
            None => Ok(()),
            Some(_) => Err(Error::Unsupported { probe: Probe::PartCurvature }),
        }
    }

    /// The share of the examples that the part has, of which [`part_curvature`](Self::part_curvature) costs that share: 1 if there are fewer than two
    /// examples, as of a loss that takes its batch as a whole. As provided, one of `parts`.
    fn part_share(&self, parts: usize) -> f64 {
        1.0 / parts.max(1) as f64
    }

    /// `u . H u` at the linearised point, H the Hessian of the mean over the part that was set. An L2 term counts in full, so the mean
    /// over all parts, by their sizes, is the curvature.
    ///
    /// # Errors
    /// As for `curvature`; [`Error::NoPart`] if none was set; [`Error::Unsupported`] as for `set_part`.
    fn part_curvature(&mut self, u: &[T]) -> Result<f64, Error> {
        let _ = u;
        Err(Error::Unsupported { probe: Probe::PartCurvature })
    }

    /// Writes the gradient, at the linearised point, of the mean over the part that was set. An L2 term counts in full. Cost: that of
    /// `linearize` for the share of the examples that is in the part.
    ///
    /// # Errors
    /// As for `part_curvature`.
    fn part_gradient(&mut self, gradient: &mut [T]) -> Result<(), Error> {
        let _ = gradient;
        Err(Error::Unsupported { probe: Probe::PartGradient })
    }

    /// The loss at `w`, by a forward pass alone.
    ///
    /// # Errors
    /// [`Error::NonFinite`], [`Error::Length`].
    fn loss(&mut self, w: &[T]) -> Result<f64, Error>;

    /// What each call costs, in evaluations of `loss`.
    fn costs(&self) -> Costs {
        Costs::NOMINAL
    }

    /// Room for many vectors on other machines; none, as here, where all is computed on this one.
    fn shelf(&mut self) -> Option<&mut dyn Shelf<T>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `w' A w / 2` with a symmetric A, which knows its products alone.
    struct Quadratic([[f64; 2]; 2]);

    impl Objective<f64> for Quadratic {
        fn dim(&self) -> usize {
            2
        }

        fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
            self.hessian_vector(w, gradient)?;
            Ok(0.5 * vector::dot(w, gradient))
        }

        fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
            for (out, row) in out.iter_mut().zip(&self.0) {
                *out = vector::dot(row, v);
            }
            Ok(())
        }

        fn loss(&mut self, w: &[f64]) -> Result<f64, Error> {
            self.linearize(w, &mut [0.0; 2])
        }
    }

    #[test]
    fn curvature_is_provided_by_the_product() {
        let mut quadratic = Quadratic([[3.0, -1.0], [-1.0, 0.5]]);
        // 3 * 2^2 - 2 * 2 * 5 + 0.5 * 5^2
        assert_eq!(quadratic.curvature(&[2.0, 5.0]).unwrap(), 4.5);
        assert!(matches!(quadratic.curvature(&[f64::MAX, 5.0]), Err(Error::NonFinite { probe: Probe::Curvature, .. })));
    }
}
