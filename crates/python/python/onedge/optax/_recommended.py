"""The recommended rule: averages along unit vectors, the curvature measured every so many steps, and safeguards.

It is `tune::tuners::Guarded` of the engine, number by number; the formulas and the reasons are there and in docs/DEFAULT.md.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ._edge import edge_of
from ._line import Asked, dot, precision_of
from ._windows import Losses, Verdict

# At each of the first so many steps the curvature is measured.
FIRST_STEPS = 8
# Averages reach over the steps so far, divided by this.
FORGETTING = 2.0
# The curvature is measured anew where the slope is so many times its average.
SUDDEN = 2.0
# The smallest share of its length that a step leaves to the next.
FALL = 0.5
# How often the first step is halved at most.
HALVINGS = 30
# The largest rate.
LARGEST = 1e30
# What trust is multiplied by at a standstill in full batch.
STANDSTILL = 0.8
# Half the edge of Adam with b1 0.9, for a base that states none.
UNSTATED = 19.0


class Average(NamedTuple):
    """A weighted mean: the sum of weighted values and that of the weights."""

    sum: jax.Array
    weight: jax.Array

    def add(self, value, share):
        return Average((1 - share) * self.sum + share * value, (1 - share) * self.weight + share)

    def mean(self):
        return self.sum / self.weight


class RecommendedState(NamedTuple):
    """What the recommended rule knows after a step.

    Attributes:
        base: the state of the base transformation.
        step: the steps taken.
        learning_rate: that of the last step.
        edge: c in "edge of stability at sharpness c / rate" of the base; NaN where it states none.
        mean_slope: the average of `-g . u / |u|`; mean_curvature: that of `|u . H u| / |u|^2`.
        measured: the step after the one at which the curvature was last measured; measurements: their number.
        largest: the largest curvature along a unit vector.
        first: the loss of the first step, NaN before it.
        length: `rate |u|` of the last step.
        trust: the factor of sigma by which losses that rise hold the rate back.
        losses: those of the window under way.
        slope: `g . u` of the last step.
        curvature: `u . H u`, as it was last measured.
        non_descent: the steps whose slope was not negative; negative_curvature: the measurements that were negative; vanishing: the steps without a finite length, which took
            the length before; capped: those whose rate was cut by `cap`; held_back: those cut by `growth`, by the edge of their batch or above the first loss, and the halvings
            of the first step; floored: those whose fall was held; backed_off: the windows of losses after which trust was cut.
    """

    base: Any
    step: jax.Array
    learning_rate: jax.Array
    edge: jax.Array
    mean_slope: Average
    mean_curvature: Average
    measured: jax.Array
    measurements: jax.Array
    largest: jax.Array
    first: jax.Array
    length: jax.Array
    trust: jax.Array
    losses: Losses
    slope: jax.Array
    curvature: jax.Array
    non_descent: jax.Array
    negative_curvature: jax.Array
    vanishing: jax.Array
    capped: jax.Array
    held_back: jax.Array
    floored: jax.Array
    backed_off: jax.Array


def recommended(base, sigma, beta, eps, cap, *, every, growth, cooldown, steps, full_batch, edge, axis_name):
    """The rule with these settings, which are in their ranges. `sigma` and `edge` are None for what follows the base."""

    def init(params):
        zero, none = jnp.zeros((), precision_of(params)), jnp.zeros((), jnp.int32)
        stated = jnp.asarray(edge_of(base, params) if edge is None else edge, zero.dtype)
        average = Average(zero, zero)
        return RecommendedState(
            base.init(params), none, zero, stated, average, average, none, none, zero, zero + math.nan, zero, zero + 1, Losses.none(zero), zero, zero, *([none] * 7)
        )  # fmt: skip

    def left(step):
        """What is left of sigma at a step."""
        if steps is None:
            return jnp.ones(())
        share = jnp.maximum(steps - step, 0) / steps
        return jnp.where(cooldown > 0, jnp.minimum(share / jnp.where(cooldown > 0, cooldown, 1), 1), 1)

    def update(updates, state, params=None, *, value_fn=None, value=None, curvature=None, **extra):
        asked = Asked(params, value_fn, value, curvature, axis_name)
        precision = state.length.dtype
        uphill, base_state = base.update(updates, state.base, params, value_fn=value_fn, **extra)
        u = jax.tree.map(jnp.negative, uphill)
        step, loss = state.step, asked.loss().astype(precision)
        now = step.astype(precision)
        losses, verdict = state.losses.add(loss, now)
        e = jnp.where(jnp.isnan(state.edge), UNSTATED, state.edge / 2)
        e = jnp.maximum(e, 1 / e)
        own = 2 * e ** (-0.25 if full_batch else -0.5)
        trust, backed_off = _trust(state.trust, verdict, full_batch, 1.0 if full_batch else e**0.25)

        line_slope = asked.mean(dot(updates, u, precision))
        norm = jnp.sqrt(dot(u, u, precision))
        unmoved = norm == 0
        slope = -line_slope / jnp.where(unmoved, 1, norm)
        window = jnp.maximum(jnp.minimum(1 / (1 - beta), (now + 1) / FORGETTING), 1)
        mean_slope = state.mean_slope.add(slope, 1 / window)

        sudden = slope > SUDDEN * mean_slope.mean()
        due = (step < FIRST_STEPS) | (step % every == 0) | (state.mean_curvature.weight == 0)
        measured = (due | sudden) & ~unmoved
        if every == 1:
            raw, measured = asked.curvature(u).astype(precision), ~unmoved
        else:
            raw = jax.lax.cond(measured, lambda: asked.curvature(u).astype(precision), lambda: state.curvature)
        bend = (jnp.abs(raw) + eps) / jnp.where(unmoved, 1, norm) ** 2
        # It stands for all steps since the last one.
        share = 1 - (1 - 1 / window) ** (step + 1 - state.measured)
        mean_curvature = _where(measured, state.mean_curvature.add(bend, share), state.mean_curvature)
        largest = jnp.where(measured, jnp.maximum(state.largest, bend), state.largest)
        minimiser = jnp.where(measured & (slope > 0) & (bend > 0), slope / bend, jnp.inf)

        scale = own if sigma is None else sigma
        average = mean_slope.mean() / mean_curvature.mean()
        vanishing = ~jnp.isfinite(average)
        length = jnp.where(vanishing, state.length, scale * left(now) * trust * average)
        most = jnp.where(state.length > 0, growth * state.length, jnp.inf)
        # The way down to the end is no fall.
        down = left(now) / left(jnp.maximum(now - 1, 0))
        least = jnp.where(jnp.isfinite(down), FALL * down * state.length, 0)
        wanted = jnp.maximum(length, least)
        floored = wanted > length
        first = jnp.where(jnp.isnan(state.first), loss, state.first)
        # A slope uphill is below any share of a length, and no number where no curvature was met.
        back = jnp.fmax(FALL * state.length, slope / largest) if full_batch else jnp.inf
        back = jnp.where(loss > first, back, jnp.inf) if full_batch else back
        length = jnp.minimum(jnp.minimum(jnp.minimum(wanted, most), minimiser * jnp.maximum(2, 1.5 * scale)), back)
        held_back = (length < wanted).astype(jnp.int32)
        limit = jnp.minimum(cap, LARGEST) * norm
        capped = length > limit
        length = jnp.minimum(length, limit)
        begins = (state.length == 0) & (length > 0) & ~unmoved
        length, halvings = asked.halved(begins, length, u, norm, loss, line_slope, raw, HALVINGS)

        length = jnp.where(unmoved, state.length, length).astype(precision)
        rate = jnp.minimum(length / jnp.where(unmoved, 1, norm), jnp.minimum(cap, LARGEST))
        # What is not a number, in slope or curvature, is none in the rate, for `optax.apply_if_finite` to see.
        broken = ~jnp.isfinite(loss + line_slope + jnp.where(measured, raw, 0))
        rate = jnp.where(broken, jnp.nan, jnp.where(unmoved, state.learning_rate, rate)).astype(precision)
        moved = ~unmoved
        count = lambda before, now: before + now.astype(jnp.int32)
        keep = lambda new, old: _where(moved, new, old)
        state = RecommendedState(
            base_state, step + 1, rate, state.edge, keep(mean_slope, state.mean_slope), mean_curvature, jnp.where(measured, step + 1, state.measured),
            count(state.measurements, measured), largest, keep(first, state.first), length, trust, losses, line_slope, jnp.where(measured, raw, state.curvature),
            count(state.non_descent, line_slope >= 0), count(state.negative_curvature, measured & (raw < 0)), count(state.vanishing, vanishing & moved),
            count(state.capped, capped & moved), state.held_back + jnp.where(moved, held_back + halvings, 0), count(state.floored, floored & moved),
            count(state.backed_off, backed_off),
        )  # fmt: skip
        return jax.tree.map(lambda x: (rate * x).astype(x.dtype), u), state

    return optax.GradientTransformationExtraArgs(init, update)


def _trust(trust, verdict, full_batch, most):
    """Trust after a window of losses, and whether it was cut."""
    even = jnp.minimum(1.2 * trust, jnp.maximum(trust, 1))
    after = jnp.select(
        [verdict == Verdict.WORSE, verdict == Verdict.EVEN, verdict == Verdict.BETTER], [0.5 * trust, STANDSTILL * trust if full_batch else even, jnp.minimum(1.2 * trust, most)], trust
    )
    return after.astype(trust.dtype), (verdict == Verdict.WORSE) | ((verdict == Verdict.EVEN) & full_batch)


def _where(condition, new, old):
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b).astype(b.dtype), new, old)
