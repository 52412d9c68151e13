use onedge_objective::{Error as ObjectiveError, Probe, vector};

use crate::chain::Chain;
use crate::eigen::{self, Eigen};
use crate::krylov::{all, full};
use crate::rounding::Rounding;
use crate::{Error, Space};

/// Ritz values, largest first, all of them; their coefficients; the residuals.
pub(crate) struct Ritz {
    pub(crate) values: Vec<f64>,
    pub(crate) columns: Vec<Vec<f64>>,
    pub(crate) residuals: Vec<f64>,
    k: usize,
}

impl Ritz {
    /// An estimate of the error of value `i` of the first k.
    pub(crate) fn error(&self, i: usize) -> f64 {
        let residual = self.residuals[i];
        residual * residual / residual.max(self.gap(i)).max(f64::MIN_POSITIVE)
    }

    /// From value `i` to what is outside of the first k vectors.
    fn gap(&self, i: usize) -> f64 {
        let (first, last) = (self.values[0], self.values[self.k - 1]);
        let spacing = if self.k > 1 { (first - last) / (self.k - 1) as f64 } else { first.abs() };
        let outside = self.values.get(self.k).copied().unwrap_or(f64::NEG_INFINITY).max(last - 0.5 * spacing);
        self.values[i] - outside
    }
}

/// Orthonormal vectors, the products of the first of them, and what is known of those.
pub(crate) struct Span<K> {
    /// Stored, as the products are.
    pub(crate) vectors: Vec<K>,
    products: Vec<K>,
    /// `v_i . A v_j`, rows up to the diagonal, so that the matrix is symmetric whatever rounding does to the products.
    projected: Vec<Vec<f64>>,
    /// `A v_i . A v_j`, likewise.
    squared: Vec<Vec<f64>>,
    rounding: Rounding,
    /// Products so far.
    pub(crate) spent: usize,
}

impl<K> Span<K> {
    /// No vector of `space` yet.
    pub(crate) fn new<S: Space<Stored = K>>(space: &S) -> Self {
        let (vectors, products, projected, squared) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { vectors, products, projected, squared, rounding: Rounding::new(space.epsilon()), spent: 0 }
    }

    /// Adds what is left of `vector` beside the others, unless that is rounding.
    pub(crate) fn add<S: Space<Stored = K>>(&mut self, space: &mut S, mut vector: S::Vector) -> Result<(), Error> {
        let before = space.norm(&vector)?;
        let (_, norm) = space.orthogonalize_stored(&all(&self.vectors), &mut vector)?;
        if norm > 1e-4 * before && before > 0.0 {
            space.scale(1.0 / norm, &mut vector)?;
            // Once more: what was left may have been small.
            let (_, norm) = space.orthogonalize_stored(&all(&self.vectors), &mut vector)?;
            space.scale(1.0 / norm, &mut vector)?;
            self.vectors.push(space.store(vector)?);
        }
        Ok(())
    }

    /// Multiplies the vectors that have no product yet.
    pub(crate) fn multiply<S: Space<Stored = K>>(&mut self, space: &mut S) -> Result<(), Error> {
        for stored in &self.vectors[self.products.len()..] {
            let vector = space.copy_stored(stored)?;
            let product = space.apply(&vector)?;
            ObjectiveError::require_finite(Probe::HessianVector, space.norm(&product)?)?;
            let last = space.copy(&product)?;
            self.products.push(space.store(product)?);
            self.spent += 1;
            let count = self.products.len();
            let row: Vec<f64> = space.dots_stored(&all(&self.products), &vector)?;
            // The same by the products of the others: as much as they differ is rounding.
            for (other, element) in space.dots_stored(&all(&self.vectors[..count]), &last)?.iter().zip(&row) {
                self.rounding.differs(other - element);
            }
            let squares: Vec<f64> = space.dots_stored(&all(&self.products), &last)?;
            self.rounding.met(squares[count - 1].max(0.0).sqrt());
            self.projected.push(row);
            self.squared.push(squares);
        }
        Ok(())
    }

    pub(crate) fn ritz(&self, k: usize) -> Result<Ritz, Error> {
        let Eigen { mut values, vectors: mut columns } = eigen::symmetric(full(&self.projected))?;
        values.reverse();
        columns.reverse();
        let squared = full(&self.squared);
        // |A v - value v|^2 = |A v|^2 - value^2, as value = v . A v.
        let residual = |(c, value): (&Vec<f64>, &f64)| (quadratic(c, &squared, c) - value * value).max(0.0).sqrt();
        let residuals = columns.iter().zip(&values).map(residual).collect();
        Ok(Ritz { values, columns, residuals, k })
    }

    /// What rounding may add to any eigenvalue found.
    pub(crate) fn rounding(&self) -> f64 {
        self.rounding.bound()
    }

    /// Residuals up to this are rounding of the sums that they are made of.
    pub(crate) fn noise(&self) -> f64 {
        4.0 * f64::EPSILON.sqrt() * self.rounding.scale()
    }

    /// The residuals of the combinations `columns`, which have these values, with all digits: `|A v - value v|`.
    pub(crate) fn residuals<S: Space<Stored = K>>(
        &self,
        space: &mut S,
        columns: &[Vec<f64>],
        values: &[f64],
    ) -> Result<Vec<f64>, Error> {
        let parts: Vec<&K> = self.products.iter().chain(&self.vectors).collect();
        let residual = |(column, value): (&Vec<f64>, &f64)| {
            let of_vectors = column.iter().map(|coefficient| -value * coefficient);
            let coefficients: Vec<f64> = column.iter().copied().chain(of_vectors).collect();
            let residual = space.combine_stored(&coefficients, &parts)?;
            space.norm(&residual)
        };
        columns.iter().zip(values).map(residual).collect()
    }

    /// The start of a chain in the complement of all vectors, and the chain that the products from there will grow. All vectors have
    /// products.
    pub(crate) fn chain<S: Space<Stored = K>>(
        &self,
        space: &mut S,
        mut start: S::Vector,
    ) -> Result<(S::Vector, Chain), Error> {
        let (known, squared) = (full(&self.projected), full(&self.squared));
        let size = known.len();
        // `A V = V H + W`, so `W' W` is the product of `A V` with itself without `H H`.
        let leaving = |i: usize, j: usize| squared[i][j] - vector::dot(&known[i], &known[j]);
        let leaving = (0..size).map(|i| (0..size).map(|j| leaving(i, j)).collect()).collect();
        let (_, norm) = space.orthogonalize_stored(&all(&self.vectors), &mut start)?;
        space.scale(1.0 / norm, &mut start)?;
        let dim = space.dim() - size;
        Ok((start, Chain::new(known, leaving, dim, 1.0)))
    }

    /// Multiplies the next vector of a chain, and what is left of the product is the one after: `None` if that is rounding.
    pub(crate) fn grow<S: Space<Stored = K>>(
        &mut self,
        space: &mut S,
        vector: S::Vector,
        chain: &mut Chain,
    ) -> Result<Option<S::Vector>, Error> {
        self.vectors.push(space.store(vector)?);
        self.multiply(space)?;
        let last = self.vectors.len() - 1;
        let mut next = space.copy_stored(&self.products[last])?;
        let (_, norm) = space.orthogonalize_stored(&all(&self.vectors), &mut next)?;
        let ended = norm <= 4.0 * space.epsilon() * self.rounding.scale() || self.vectors.len() == space.dim();
        chain.push(self.projected[last][last], if ended { 0.0 } else { norm });
        space.scale(1.0 / norm, &mut next)?;
        Ok(Some(next).filter(|_| !ended))
    }

    /// Of the residuals of the values that are `open`, each over the root of its gap, the combination that is longest for its
    /// coefficients.
    pub(crate) fn direction<S: Space<Stored = K>>(
        &self,
        space: &mut S,
        ritz: &Ritz,
        open: &[usize],
    ) -> Result<S::Vector, Error> {
        let squared = full(&self.squared);
        // A value of zero is known to rounding at best.
        let size = |i: usize| ritz.values[i].abs().max(self.rounding());
        let weight = |i: usize| 1.0 / (ritz.gap(i).max(ritz.residuals[i]) * size(i)).max(1e-200).sqrt();
        // r_i . r_j = A v_i . A v_j - value_i value_j v_i . v_j
        let product = |i: usize, j: usize| {
            let own = if i == j { ritz.values[i] * ritz.values[j] } else { 0.0 };
            weight(i) * weight(j) * (quadratic(&ritz.columns[i], &squared, &ritz.columns[j]) - own)
        };
        let gram = open.iter().map(|&i| open.iter().map(|&j| product(i, j)).collect()).collect();
        let Eigen { vectors, .. } = eigen::symmetric(gram)?;
        let (mut coefficients, mut parts) = (Vec::new(), Vec::new());
        let longest = &vectors[vectors.len() - 1];
        for (j, (vector, product)) in self.vectors.iter().zip(&self.products).enumerate() {
            let share = |(&i, c): (&usize, &f64)| c * weight(i) * ritz.columns[i][j];
            let of_product: f64 = open.iter().zip(longest).map(share).sum();
            let of_vector: f64 = open.iter().zip(longest).map(|pair| share(pair) * ritz.values[*pair.0]).sum();
            coefficients.extend([of_product, -of_vector]);
            parts.extend([product, vector]);
        }
        space.combine_stored(&coefficients, &parts)
    }

    /// Goes on from the first `count` Ritz vectors.
    pub(crate) fn restart<S: Space<Stored = K>>(
        &mut self,
        space: &mut S,
        ritz: &Ritz,
        count: usize,
    ) -> Result<(), Error> {
        self.keep(space, ritz, &(0..count.min(ritz.columns.len())).collect::<Vec<_>>())
    }

    /// Goes on from the Ritz vectors `numbers`.
    pub(crate) fn keep<S: Space<Stored = K>>(
        &mut self,
        space: &mut S,
        ritz: &Ritz,
        numbers: &[usize],
    ) -> Result<(), Error> {
        let columns: Vec<Vec<f64>> = numbers.iter().map(|&i| ritz.columns[i].clone()).collect();
        space.rotate(&mut self.vectors, &columns)?;
        space.rotate(&mut self.products, &columns)?;
        let squared = full(&self.squared);
        let rows = |element: &dyn Fn(usize, usize) -> f64| {
            (0..columns.len()).map(|i| (0..=i).map(|j| element(i, j)).collect()).collect()
        };
        self.squared = rows(&|i, j| quadratic(&columns[i], &squared, &columns[j]));
        self.projected = rows(&|i, j| if i == j { ritz.values[numbers[i]] } else { 0.0 });
        Ok(())
    }

    /// The Ritz vectors with these coefficients.
    pub(crate) fn combinations<S: Space<Stored = K>>(
        &self,
        space: &mut S,
        columns: &[Vec<f64>],
    ) -> Result<Vec<S::Vector>, Error> {
        columns.iter().map(|column| space.combine_stored(column, &all(&self.vectors))).collect()
    }

    /// The Ritz vectors `vectors`, which have these coefficients, after a step of subspace iteration.
    pub(crate) fn advanced<S: Space<Stored = K>>(
        &self,
        space: &mut S,
        columns: &[Vec<f64>],
        vectors: &[S::Vector],
    ) -> Result<Vec<S::Vector>, Error> {
        let mut next = Self::new(space);
        for (column, vector) in columns.iter().zip(vectors) {
            let (count, product) = (next.vectors.len(), space.combine_stored(column, &all(&self.products))?);
            next.add(space, product)?;
            if next.vectors.len() == count {
                let vector = space.copy(vector)?;
                next.add(space, vector)?;
            }
        }
        next.vectors.into_iter().map(|stored| space.take(stored)).collect()
    }
}

/// `a . M b`
fn quadratic(a: &[f64], matrix: &[Vec<f64>], b: &[f64]) -> f64 {
    a.iter().zip(matrix).map(|(a, row)| a * vector::dot(row, b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinearOperator;
    use crate::operator::samples::reflected;
    use crate::seeded::unit_vector;
    use crate::space::{Host, Stored};

    fn span(count: u64) -> (Span<Stored<f64>>, crate::Dense<f64>) {
        let (mut a, _) = reflected(&(0..40).map(|i| 9.0 / (1.0 + f64::from(i))).collect::<Vec<_>>());
        let mut space = Host::new(&mut a, 1).unwrap();
        let mut span = Span::new(&space);
        (0..count).for_each(|seed| span.add(&mut space, unit_vector(seed, 40)).unwrap());
        span.multiply(&mut space).unwrap();
        (span, a)
    }

    /// `A v - value v` of Ritz value i.
    fn residual(span: &Span<Stored<f64>>, a: &mut crate::Dense<f64>, ritz: &Ritz, i: usize) -> Vec<f64> {
        let v = span.combinations(&mut Host::new(a, 1).unwrap(), &ritz.columns[i..=i]).unwrap().remove(0);
        let mut residual = vec![0.0; v.len()];
        a.apply(&v, &mut residual).unwrap();
        vector::axpy(-ritz.values[i], &v, &mut residual);
        residual
    }

    #[test]
    fn residuals_are_known_without_the_vectors() {
        let (mut span, mut a) = span(6);
        for _ in 0..2 {
            let ritz = span.ritz(3).unwrap();
            for i in 0..ritz.values.len() {
                let exact = vector::norm(&residual(&span, &mut a, &ritz, i));
                assert!((ritz.residuals[i] - exact).abs() < 1e-7, "{} {exact}", ritz.residuals[i]);
            }
            // The same holds for what is kept.
            span.restart(&mut Host::new(&mut a, 1).unwrap(), &ritz, 4).unwrap();
            assert_eq!((span.vectors.len(), span.spent), (4, 6));
        }
    }

    #[test]
    fn the_direction_lies_along_the_residuals() {
        let (span, mut a) = span(5);
        let ritz = span.ritz(3).unwrap();
        let mut direction = |open: &[usize]| span.direction(&mut Host::new(&mut a, 1).unwrap(), &ritz, open).unwrap();
        let (of_one, direction) = (direction(&[1]), direction(&[0, 1, 2]));
        let cosine = vector::cosine(&of_one, &residual(&span, &mut a, &ritz, 1));
        assert!((cosine.abs() - 1.0).abs() < 1e-12, "{cosine}");
        let residuals = [0, 1, 2].map(|i| residual(&span, &mut a, &ritz, i));
        let mut space = Host::new(&mut a, 1).unwrap();
        let mut cosine = |stored| vector::cosine(&space.copy_stored(stored).unwrap(), &direction);
        assert!(span.vectors.iter().all(|stored| cosine(stored).abs() < 1e-12));
        assert!(residuals.iter().any(|r| vector::cosine(r, &direction).abs() > 0.7));
    }
}
