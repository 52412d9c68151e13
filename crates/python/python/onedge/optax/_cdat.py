"""The paper's rule around a transformation: slope and curvature along its step give the rate."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ..jax._curvature import linearize
from ._line import check_base, check_number, check_whole, dot, expected, precision_of


class CdatState(NamedTuple):
    """What the rule knows after a step.

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


def cdat(
    base: optax.GradientTransformation,
    sigma: float = 2.0,
    beta: float = 0.9,
    eps: float = 0.0,
    cap: float = math.inf,
    *,
    every: int = 8,
    axis_name=None,
) -> optax.GradientTransformationExtraArgs:
    """Curvature dynamics aware tuning around `base`.

    Args:
        base: a transformation whose update at rate 1 points uphill, as those named `scale_by_*` give, `optax.identity()` for gradient descent.
        sigma: 1 is greedy, 2 on the edge of stability. May be an array, as `optax.inject_hyperparams` makes of it.
        beta: decay of the averages of n and d, from 0 on; 0 takes those of the step alone.
        eps: added to the curvature.
        cap: the largest rate.
        every: measures the curvature every so many steps, and takes it between as it was along a unit vector, in the mean with decay beta. 1 is the paper's rule as it is.
        axis_name: inside `pmap` and `shard_map`, the axis, or a tuple of them, along which the batch is divided: slope and curvature are the means over it. The gradient is
            to be the mean, too, as for any transformation of Optax. Under `jit` with shardings nothing need be said.

    `update` needs `params` and `value_fn`, the loss as a function of the parameters on the batch of the step. It costs about one gradient more; see
    `onedge.jax.linearize`.
    """
    base = check_base(base)
    check_number("sigma", sigma, lambda x: x > 0, "a positive number")
    check_number("beta", beta, lambda x: 0 <= x < 1, "a number in [0, 1)")
    check_number("eps", eps, lambda x: x >= 0, "a number, 0 or more")
    check_number("cap", cap, lambda x: x > 0, "a positive number", infinite=True)
    check_whole("every", every)

    def init(params):
        zero, none = jnp.zeros((), precision_of(params)), jnp.zeros((), jnp.int32)
        return CdatState(base.init(params), none, *([zero] * 7), *([none] * 4))

    def update(updates, state, params=None, *, value_fn=None, **extra):
        expected(params, value_fn)
        precision = state.learning_rate.dtype
        mean = (lambda x: x) if axis_name is None else lambda x: jax.lax.pmean(x, axis_name)
        uphill, base_state = base.update(updates, state.base, params, value_fn=value_fn, **extra)
        u = jax.tree.map(jnp.negative, uphill)
        slope = mean(dot(updates, u, precision))
        measure = lambda: mean(linearize(value_fn)(params)[2](u).astype(precision))
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


def greedy(base: optax.GradientTransformation, *, cap: float = math.inf, every: int = 1, axis_name=None) -> optax.GradientTransformationExtraArgs:
    """The minimiser of the quadratic model along the step of `base`: `cdat` with sigma 1 and no averages."""
    return cdat(base, 1.0, 0.0, 0.0, cap, every=every, axis_name=axis_name)


def on_edge(base: optax.GradientTransformation, *, cap: float = math.inf, every: int = 1, axis_name=None) -> optax.GradientTransformationExtraArgs:
    """The largest rate at which the quadratic model along the step of `base` does not exceed the loss: `cdat` with sigma 2 and no averages."""
    return cdat(base, 2.0, 0.0, 0.0, cap, every=every, axis_name=axis_name)
