"""Windows of losses, each compared with the one before."""

from __future__ import annotations

import enum
from typing import NamedTuple

import jax
import jax.numpy as jnp

# Steps of the first windows of losses.
SHORTEST_WINDOW = 16.0
# Later ones are the steps so far divided by this.
WINDOWS = 8.0


class Verdict(enum.IntEnum):
    """Whether a window of losses was better than the one before. OPEN: it is not full, or there was none before."""

    OPEN = 0
    BETTER = 1
    EVEN = 2
    WORSE = 3


class Losses(NamedTuple):
    """The losses of the window under way, and of the one before.

    Attributes:
        count: how many there are in the window; mean: of them; squares: the sum of squared deviations from it.
        before: the mean of the window before; before_error: its squared standard error, negative if there was none.
    """

    count: jax.Array
    mean: jax.Array
    squares: jax.Array
    before: jax.Array
    before_error: jax.Array

    @staticmethod
    def none(zero):
        return Losses(zero, zero, zero, zero, zero - 1)

    def add(self, loss, step):
        """With the loss of a step; at the end of a window it is compared with the one before by the sum of their standard errors."""
        count = self.count + 1
        deviation = loss - self.mean
        mean = self.mean + deviation / count
        squares = self.squares + deviation * (loss - mean)
        full = count >= jnp.maximum(SHORTEST_WINDOW, (step + 1) / WINDOWS)
        error = squares / jnp.maximum(count - 1, 1) / count
        spread = jnp.sqrt(error + self.before_error)
        verdict = jnp.where(mean - self.before > spread, Verdict.WORSE, jnp.where(self.before - mean > spread, Verdict.BETTER, Verdict.EVEN))
        verdict = jnp.where(full & (self.before_error >= 0), verdict, Verdict.OPEN)
        zero = jnp.zeros_like(count)
        pick = lambda a, b: jnp.where(full, a, b).astype(zero.dtype)
        return Losses(pick(zero, count), pick(zero, mean), pick(zero, squares), pick(mean, self.before), pick(error, self.before_error)), verdict
