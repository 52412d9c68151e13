//! The largest eigenvalue of an operator that has changed a little since its eigenvector was found.

use onedge_objective::Real;

use crate::krylov::Krylov;
use crate::lanczos::EigenpairOf;
use crate::space::{Host, Space};
use crate::{Error, Lanczos, LinearOperator, Spectrum};

/// More products than these cost as much as to begin anew.
const MOST: usize = 4;

/// What there is to follow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trail {
    /// Where the eigenvector is looked for, of length 1.
    pub(crate) start: Vec<f64>,
    /// The next eigenvalue over the largest, as they were when both were measured.
    pub(crate) ratio: f64,
    /// Measurements since then.
    pub(crate) since: u64,
}

impl Trail {
    /// After a measurement that showed that nothing larger is hidden; none if it did not, or found a largest value that is not positive.
    pub(crate) fn begin<T: Real>(spectrum: &Spectrum<T>) -> Option<Self> {
        let (pair, (next, off)) = (spectrum.largest()?, spectrum.other?);
        let start = pair.vector.iter().map(|x| x.to_f64()).collect();
        let ratio = ((next + off).max(0.0) / pair.value).min(1.0);
        (pair.converged && pair.value > 0.0).then_some(Self { start, ratio, since: 1 })
    }

    /// The value along the trail, by as few products as its error allows; `None`, and how many were spent, where it is lost.
    pub(crate) fn follow<T: Real>(
        &mut self,
        operator: &mut dyn LinearOperator<T>,
        options: &Lanczos,
    ) -> Result<Result<Spectrum<T>, usize>, Error> {
        let start: Vec<T> = self.start.iter().map(|x| T::from_f64(*x)).collect();
        let mut space = Host::new(operator, options.threads)?;
        let norm = space.norm(&start)?;
        let mut unit = start;
        space.scale(1.0 / norm, &mut unit)?;
        let mut krylov = Krylov::new(&space, unit, options.seed);
        while krylov.products < MOST.min(options.max_products) && !krylov.complete() {
            krylov.advance(&mut space)?;
            let (values, residuals) = krylov.ritz()?;
            let place = values.len() - 1;
            let (value, residual) = (values[place], residuals[place]);
            let next = values[..place].last().map_or(0.0, |next| next.max(0.0));
            let gap = value - next.max(self.ratio * value);
            let error = if gap > residual { residual * residual / gap } else { residual } + krylov.rounding();
            if value > 0.0 && error <= options.tolerance * value {
                let onwards = krylov.onwards(&mut space)?;
                self.start = onwards.iter().map(|x| x.to_f64()).collect();
                self.since += 1;
                let products = krylov.products;
                let residual_bound = residual + krylov.rounding();
                let vector = krylov.into_vectors(&mut space, &[place])?.swap_remove(0);
                let pair = EigenpairOf { value, vector, residual_bound, error_estimate: error, converged: true };
                let (algebraic, magnitude) = (vec![0], Vec::new());
                return Ok(Ok(Spectrum { pairs: vec![pair], products, algebraic, magnitude, other: None }));
            }
        }
        Ok(Err(krylov.products))
    }
}
