use onedge_objective::Real;

use crate::basis::Team;
use crate::chain::{Chain, Claim, Verdict};
use crate::span::Span;
use crate::{Error, LinearOperator};

/// Lanczos's method from a random vector beside a span, which shows what the span lacks.
pub(crate) struct Proof<T> {
    chain: Chain,
    /// What comes next; `None` once the process has used up its space.
    next: Option<Vec<T>>,
}

impl<T: Real> Proof<T> {
    /// Begins in the complement of `span`, along `start`.
    pub(crate) fn begin(team: &Team, span: &Span<T>, start: Vec<T>) -> Self {
        let (next, chain) = span.chain(team, start);
        Self { chain, next: Some(next) }
    }

    /// Adds the next vector to the span, by a product. Whether there was one.
    ///
    /// # Errors
    /// Those of the product.
    pub(crate) fn grow(
        &mut self,
        team: &Team,
        span: &mut Span<T>,
        operator: &mut dyn LinearOperator<T>,
    ) -> Result<bool, Error> {
        let Some(vector) = self.next.take() else { return Ok(false) };
        self.next = span.grow(team, operator, vector, &mut self.chain)?;
        Ok(true)
    }

    /// How far all claims are shown: as far as the one that is shown least.
    ///
    /// # Errors
    /// A projected problem that is not finite.
    pub(crate) fn judge(&self, claims: impl Iterator<Item = Claim>) -> Result<Verdict, Error> {
        let mut all = Verdict::Shown;
        for claim in claims {
            match self.chain.judge(&claim)? {
                Verdict::Shown => {}
                Verdict::GoOn => all = Verdict::GoOn,
                other => return Ok(other),
            }
        }
        Ok(all)
    }
}
