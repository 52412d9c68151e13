use crate::chain::{Chain, Claim, Verdict};
use crate::span::Span;
use crate::{Error, Space};

/// Lanczos's method from a random vector beside a span, which shows what the span lacks.
pub(crate) struct Proof<V> {
    chain: Chain,
    /// What comes next; `None` once the process has used up its space.
    next: Option<V>,
}

impl<V> Proof<V> {
    /// Begins in the complement of `span`, along `start`.
    ///
    /// # Errors
    /// Those of the space.
    pub(crate) fn begin<S: Space<Vector = V>>(space: &mut S, span: &Span<S::Stored>, start: V) -> Result<Self, Error> {
        let (next, chain) = span.chain(space, start)?;
        Ok(Self { chain, next: Some(next) })
    }

    /// Adds the next vector to the span, by a product. Whether there was one.
    ///
    /// # Errors
    /// Those of the product.
    pub(crate) fn grow<S: Space<Vector = V>>(
        &mut self,
        space: &mut S,
        span: &mut Span<S::Stored>,
    ) -> Result<bool, Error> {
        let Some(vector) = self.next.take() else { return Ok(false) };
        self.next = span.grow(space, vector, &mut self.chain)?;
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
