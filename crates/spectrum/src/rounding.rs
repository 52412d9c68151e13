use onedge_objective::Real;

/// Units of rounding of the norm that are allowed for whatever was measured.
const UNITS: f64 = 16.0;

/// What rounding does to an operator, as its products show.
///
/// The products of a symmetric operator A with orthonormal vectors have `q_i . A q_j = q_j . A q_i`. By as much as these differ, rounding
/// of the products, the eigenvalues of what was projected may differ from those of A; and by some units of rounding of its norm
/// in any case, as the elements of vectors and products have no more digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounding {
    epsilon: f64,
    scale: f64,
    differs: f64,
}

impl Rounding {
    /// Nothing met yet, where this is the distance from 1 to the next number.
    pub(crate) fn new(epsilon: f64) -> Self {
        Self { epsilon, scale: 0.0, differs: 0.0 }
    }

    /// The distance from 1 to the next number.
    pub(crate) fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// A product of a unit vector has this length at least.
    pub(crate) fn met(&mut self, length: f64) {
        self.scale = self.scale.max(length);
    }

    /// Two numbers that ought to be equal have this difference.
    pub(crate) fn differs(&mut self, difference: f64) {
        self.differs = self.differs.max(difference.abs());
    }

    /// The largest length met, which measures the norm of the operator.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// What may be wrong with an eigenvalue for rounding alone: 16 units of rounding of the norm in the precision of the vectors, and twice the
    /// largest difference.
    pub(crate) fn bound(&self) -> f64 {
        UNITS * self.epsilon * self.scale + 2.0 * self.differs
    }
}

/// The distance from 1 to the next number.
pub(crate) fn epsilon<T: Real>() -> f64 {
    if T::NAME == "f32" { f64::from(f32::EPSILON) } else { f64::EPSILON }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_larger_of_what_is_seen_and_what_must_be() {
        let mut rounding = Rounding::new(f64::from(f32::EPSILON));
        assert_eq!(rounding.bound(), 0.0);
        rounding.met(3.0);
        rounding.met(2.0);
        assert_eq!(rounding.bound(), 48.0 * f64::from(f32::EPSILON));
        rounding.differs(-0.5);
        assert_eq!(rounding.bound(), 1.0 + 48.0 * f64::from(f32::EPSILON));
    }
}
