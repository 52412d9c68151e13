use onedge_objective::{Error as ObjectiveError, Probe, Real, vector};

use crate::seeded::uniform;
use crate::space::Gathered;
use crate::{Error, Space};

/// Elements of a sketch, which keeps the inner products of two vectors up to about `1 / sqrt(4096)` of their norms.
const SKETCH: usize = 4096;

/// What is estimated from products `y = A z` with random signs z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The mean of `z . y`, the trace of A.
    Trace,
    /// The mean of `y . y`, the trace of `A^2`.
    Squares,
}

/// The mean of a quadratic form `z . B z` over random signs, with the standard error that follows from B itself.
///
/// The variance of one sample is `2 (|B|_F^2 - sum_i b_ii^2)`. Where one eigenvalue dominates, samples are mostly small and seldom large, and
/// few of them understate their own scatter just when their mean is too small. Both terms, though, have unbiased estimates from the
/// same products that scatter far less: with `y_i = A z_i`, for the trace (B = A) `|A|_F^2 = E|y_i|^2` and, over pairs of different
/// samples, `sum a_kk^2 = E[sum_k (z_i y_i)_k (z_j y_j)_k]`; for the squares (`B = A^2`) `|A^2|_F^2 = E[(y_i . y_j)^2]` and
/// `sum b_kk^2 = E[sum_k y_ik^2 y_jk^2]`. The larger of this and the samples' own variance is taken: products with
/// another A for each sample, that of a random batch, scatter more.
///
/// The relative variance of `sum |y_i|^2 / m` is at most `2 tr(A^4) / (m |A|_F^4)`, so that this variance is as good as one from `m
/// |A|_F^4 / tr(A^4)` degrees of freedom: m where one eigenvalue is all there is, many times that where many are alike.
#[derive(Debug)]
pub(crate) struct Forms<M> {
    form: Form,
    /// What is added to every sample.
    known: f64,
    samples: Vec<f64>,
    /// The sum of `y . y`.
    squares: f64,
    /// The sum of `(y_i . y_j)^2` over pairs, from sketches.
    fourths: f64,
    /// The square of the sum over samples of the diagonal as each has it, and the sum of their squares.
    diagonal: f64,
    diagonal_squares: f64,
    /// What is kept of the products.
    sums: M,
    /// The relative rounding of the products.
    epsilon: f64,
}

impl<M> Forms<M> {
    pub(crate) fn new<S: Space<Sums = M>>(space: &mut S, form: Form) -> Result<Self, Error> {
        Ok(Self {
            form,
            known: 0.0,
            samples: Vec::new(),
            squares: 0.0,
            fourths: 0.0,
            diagonal: 0.0,
            diagonal_squares: 0.0,
            sums: space.sums()?,
            epsilon: space.epsilon(),
        })
    }

    /// Samples of what is left of a mean beside what is known of it.
    pub(crate) fn beside<S: Space<Sums = M>>(space: &mut S, known: f64) -> Result<Self, Error> {
        Ok(Self { known, ..Self::new(space, Form::Trace)? })
    }

    /// Samples so far.
    pub(crate) fn count(&self) -> usize {
        self.samples.len()
    }

    /// Adds the products with the signs of these seeds.
    pub(crate) fn add_signs<S: Space<Sums = M>>(&mut self, space: &mut S, seeds: &[u64]) -> Result<(), Error> {
        let signs = seeds.iter().map(|&seed| space.signs(seed)).collect::<Result<Vec<_>, _>>()?;
        let products = space.apply_all(&signs)?;
        signs.iter().zip(&products).try_for_each(|(z, y)| self.add(space, z, y))
    }

    /// Adds the product `y` with the signs `z`.
    pub(crate) fn add<S: Space<Sums = M>>(&mut self, space: &mut S, z: &S::Vector, y: &S::Vector) -> Result<(), Error> {
        let Gathered { form, square, elements, diagonal, overlaps } = space.gather(&mut self.sums, self.form, z, y)?;
        let sample = self.known + if self.form == Form::Trace { form } else { square };
        self.samples.push(ObjectiveError::require_finite(Probe::Sample, sample)?);
        self.squares += square;
        self.diagonal = diagonal;
        self.diagonal_squares = elements;
        self.fourths += overlaps.iter().map(|overlap| overlap.powi(2)).sum::<f64>();
        Ok(())
    }

    /// The mean, the variance of one sample, and the degrees of freedom that this is known with. Of a single sample, for a trace, the
    /// variance is that of a matrix with a zero diagonal.
    pub(crate) fn moments(&self) -> Moments {
        let count = self.samples.len() as f64;
        if self.samples.len() == 1 {
            return Moments { mean: self.samples[0], variance: 2.0 * self.squares, freedom: 1.0 };
        }
        let pairs = count * (count - 1.0);
        let mean = self.samples.iter().sum::<f64>() / count;
        let scatter = self.samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let (second, fourth) = (self.squares / count, 2.0 * self.fourths / pairs);
        let norm = if self.form == Form::Trace { second } else { fourth };
        let diagonal = (self.diagonal - self.diagonal_squares) / pairs;
        // Of a diagonal matrix rounding is left.
        let beside = norm - diagonal.max(0.0);
        let beside = if beside > 64.0 * self.epsilon * norm { 2.0 * beside } else { 0.0 };
        let least = count - 1.0;
        if scatter > beside {
            return Moments { mean, variance: scatter, freedom: least };
        }
        // Few pairs can miss what dominates, the samples themselves cannot.
        let freedom = count / (fourth / (second * second) + 1.0 / count);
        Moments { mean, variance: beside, freedom: freedom.max(least) }
    }
}

/// What samples of a form say of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    pub(crate) freedom: f64,
}

/// What is kept of the products with signs on slices in memory.
#[derive(Debug)]
pub(crate) struct Sketches {
    /// The sum of the elements that samples have of the diagonal, which have a sum of squares for each sample.
    diagonal: Vec<f64>,
    diagonal_squares: f64,
    sketches: Vec<Vec<f64>>,
}

impl Sketches {
    pub(crate) fn new(dim: usize) -> Self {
        Self { diagonal: vec![0.0; dim], diagonal_squares: 0.0, sketches: Vec::new() }
    }

    pub(crate) fn gather<T: Real>(&mut self, form: Form, z: &[T], y: &[T]) -> Gathered {
        for ((sum, &z), &y) in self.diagonal.iter_mut().zip(z).zip(y) {
            let element = if form == Form::Trace { z.to_f64() * y.to_f64() } else { y.to_f64() * y.to_f64() };
            *sum += element;
            self.diagonal_squares += element * element;
        }
        let sketch = sketch(y);
        let overlaps = self.sketches.iter().map(|other| vector::dot(other, &sketch)).collect();
        self.sketches.push(sketch);
        Gathered {
            form: vector::dot(z, y),
            square: vector::dot(y, y),
            elements: self.diagonal_squares,
            diagonal: vector::dot(&self.diagonal, &self.diagonal),
            overlaps,
        }
    }
}

/// A vector short enough to be kept: sums of its elements with random signs, or the vector itself.
fn sketch<T: Real>(y: &[T]) -> Vec<f64> {
    let mut short = vec![0.0; y.len().min(SKETCH)];
    for (i, &y) in y.iter().enumerate() {
        let sign = if uniform(SKETCH as u64, i as u64) < 0.0 { -1.0 } else { 1.0 };
        short[i % SKETCH] += sign * y.to_f64();
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinearOperator;
    use crate::operator::samples::reflected;
    use crate::sampling::stream;
    use crate::seeded::signs;
    use crate::space::Host;

    /// The variance of `z . B z` is that of its off-diagonal elements, whatever form it is and whether sketched or not.
    #[test]
    fn the_variance_is_that_of_the_matrix() {
        for dim in [12, 30] {
            let spectrum: Vec<f64> = (0..dim).map(|i| 5.0 / (1.0 + f64::from(i)) - 0.3).collect();
            let (mut a, _) = reflected(&spectrum);
            let n = dim as usize;
            let columns: Vec<Vec<f64>> = (0..n)
                .map(|j| {
                    let (mut unit, mut column) = (vec![0.0; n], vec![0.0; n]);
                    unit[j] = 1.0;
                    a.apply(&unit, &mut column).unwrap();
                    column
                })
                .collect();
            for form in [Form::Trace, Form::Squares] {
                let element = |j: usize, k: usize| match form {
                    Form::Trace => columns[j][k],
                    Form::Squares => vector::dot(&columns[j], &columns[k]),
                };
                let beside = |j: usize| (0..n).filter(move |k| *k != j).map(move |k| 2.0 * element(j, k).powi(2));
                let variance: f64 = (0..n).flat_map(beside).sum();
                let mean: f64 = (0..n).map(|j| element(j, j)).sum();
                let mut space = Host::new(&mut a, 1).unwrap();
                let mut forms = Forms::new(&mut space, form).unwrap();
                for i in 0..3000 {
                    let z: Vec<f64> = signs(stream(7, i), n);
                    let y = space.apply(&z).unwrap();
                    forms.add(&mut space, &z, &y).unwrap();
                }
                let found = forms.moments();
                assert!((found.mean / mean - 1.0).abs() < 0.1, "{form:?}: {found:?} {mean}");
                assert!((found.variance / variance - 1.0).abs() < 0.15, "{form:?}: {found:?} {variance}");
            }
        }
    }

    #[test]
    fn sketches_keep_inner_products() {
        let dim = 3 * SKETCH;
        let x: Vec<f64> = (0..dim).map(|i| uniform(1, i as u64)).collect();
        let y: Vec<f64> = (0..dim).map(|i| x[i] + uniform(2, i as u64)).collect();
        let (exact, kept) = (vector::dot(&x, &y), vector::dot(&sketch(&x), &sketch(&y)));
        assert!((kept - exact).abs() < 4.0 / 64.0 * vector::norm(&x) * vector::norm(&y), "{kept} {exact}");
        assert_eq!(sketch(&x[..5]).len(), 5);
    }
}
