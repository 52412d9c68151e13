"""The paper's rule around a transformation: slope and curvature along its step give the rate."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ._line import Asked, dot, precision_of


class CdatState(NamedTuple):
    """What the paper's rule knows after a step.

    Attributes:
        base: the state of the base transformation.
        step: the steps taken.
        learning_rate: that of the last step.
        numerator: the average of `max(-g . u, 0)`.
        denominator: the average of `|u . H u| + eps`.
        mean_curvature: the average of `|u . H u|` over the steps that measured it; mean_square: that of `|u|^2`.
        slope: `g . u` of the last step.
        curvature: `u . H u`, as it was last measured.
        non_descent: the steps whose slope was not negative; negative_curvature: those whose curvature was negative; vanishing: those without a finite rate, which took the
            rate before; capped: those whose rate was cut.
    """

    base: Any
    step: jax.Array
    learning_rate: jax.Array
    numerator: jax.Array
    denominator: jax.Array
    mean_curvature: jax.Array
    mean_square: jax.Array
    slope: jax.Array
    curvature: jax.Array
    non_descent: jax.Array
    negative_curvature: jax.Array
    vanishing: jax.Array
    capped: jax.Array


def paper(base, sigma, beta, eps, cap, *, every, axis_name):
    """The rule with these settings, which are in their ranges."""

    def init(params):
        zero, none = jnp.zeros((), precision_of(params)), jnp.zeros((), jnp.int32)
        return CdatState(base.init(params), none, *([zero] * 7), *([none] * 4))

    def update(updates, state, params=None, *, value_fn=None, value=None, curvature=None, **extra):
        asked = Asked(params, value_fn, value, curvature, axis_name)
        precision = state.learning_rate.dtype
        uphill, base_state = base.update(updates, state.base, params, value_fn=value_fn, **extra)
        u = jax.tree.map(jnp.negative, uphill)
        slope = asked.mean(dot(updates, u, precision))
        measure = lambda: asked.curvature(u).astype(precision)
        if every == 1:
            measured, curvature = jnp.array(True), measure()
            magnitude, mean_curvature, mean_square = jnp.abs(curvature), state.mean_curvature, state.mean_square
        else:
            square = dot(u, u, precision)
            measured = (state.step % every == 0) | (state.mean_square == 0)
            curvature = jax.lax.cond(measured, measure, lambda: state.curvature)
            blend = lambda old, new: jnp.where(measured, beta * old + (1 - beta) * new, old)
            between = square * (state.mean_curvature / jnp.where(state.mean_square == 0, 1, state.mean_square))
            magnitude = jnp.where(measured, jnp.abs(curvature), between)
            mean_curvature, mean_square = blend(state.mean_curvature, jnp.abs(curvature)), blend(state.mean_square, square)
        numerator = beta * state.numerator + (1 - beta) * jnp.maximum(-slope, 0)
        denominator = beta * state.denominator + (1 - beta) * (magnitude + eps)
        rate = jnp.where(numerator == 0, 0, sigma * numerator / denominator)
        vanishing = ~jnp.isfinite(rate)
        # What is not a number, in slope or curvature, is none in the rate, for `optax.apply_if_finite` to see.
        rate = jnp.where(jnp.isnan(slope + curvature), jnp.nan, jnp.where(vanishing, state.learning_rate, rate))
        capped = rate > cap
        rate = jnp.where(capped, cap, rate).astype(precision)
        count = lambda before, now: before + now.astype(jnp.int32)
        state = CdatState(
            base_state, state.step + 1, rate, numerator, denominator, mean_curvature, mean_square, slope, curvature,
            count(state.non_descent, slope >= 0), count(state.negative_curvature, measured & (curvature < 0)), count(state.vanishing, vanishing), count(state.capped, capped),
        )  # fmt: skip
        return jax.tree.map(lambda x: (rate * x).astype(x.dtype), u), state

    return optax.GradientTransformationExtraArgs(init, update)
