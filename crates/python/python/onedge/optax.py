"""Learning rates from curvature for Optax: the paper's rules around any transformation, in pure JAX.

    tx = onedge.optax.cdat(optax.scale_by_adam())
    state = tx.init(params)

    @jax.jit
    def step(params, state, batch):
        f = lambda params: loss(params, batch)
        value, gradient = jax.value_and_grad(f)(params)
        updates, state = tx.update(gradient, state, params, value_fn=f)
        return optax.apply_updates(params, updates), state, value

No learning rate is asked for. `base` gives the step at rate 1, as Optax's `scale_by_*` do, uphill; the rate along it is `eta = sigma n / d` with `n = max(-g . u, 0)`
and `d = |u . H u| + eps`, each replaced by its average with decay beta. Source: Roulet et al. 2024, arXiv 2407.06183, equations 6 to 8.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ._arguments import is_number, is_whole, shown
from ._errors import ArgumentError
from .jax._curvature import linearize

__all__ = ["CdatState", "cdat", "greedy", "on_edge"]


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
    every: int = 1,
) -> optax.GradientTransformationExtraArgs:
    """Curvature dynamics aware tuning around `base`.

    Args:
        base: a transformation whose update at rate 1 points uphill, as those named `scale_by_*` give, `optax.identity()` for gradient descent.
        sigma: 1 is greedy, 2 on the edge of stability. May be an array, as `optax.inject_hyperparams` makes of it.
        beta: decay of the averages of n and d, from 0 on; 0 takes those of the step alone.
        eps: added to the curvature.
        cap: the largest rate.
        every: measures the curvature every so many steps, and takes it between as it was along a unit vector.

    `update` needs `params` and `value_fn`, the loss as a function of the parameters on the batch of the step. It costs about one gradient more; see
    `onedge.jax.linearize`.
    """
    _check(base, sigma, beta, eps, cap, every)
    base = optax.with_extra_args_support(base)

    def init(params):
        zero, none = jnp.zeros((), _precision(params)), jnp.zeros((), jnp.int32)
        return CdatState(base.init(params), none, *([zero] * 7), *([none] * 4))

    def update(updates, state, params=None, *, value_fn=None, **extra):
        if params is None:
            raise ArgumentError("update: expected params, as the curvature is taken there; call update(gradient, state, params, value_fn=...)")
        if value_fn is None:
            raise ArgumentError(
                "update: expected value_fn, the loss as a function of the parameters; call update(gradient, state, params, value_fn=f), and with flax's TrainState, "
                "which drops it, call tx.update yourself"
            )
        precision = state.learning_rate.dtype
        uphill, base_state = base.update(updates, state.base, params, **extra)
        u = jax.tree.map(jnp.negative, uphill)
        dot = lambda a, b: sum(
            (jnp.vdot(x.astype(precision), y.astype(precision)) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b))), jnp.zeros((), precision)
        )
        slope = dot(updates, u)
        measure = lambda: linearize(value_fn)(params)[2](u).astype(precision)
        if every == 1:
            measured, curvature = jnp.array(True), measure()
            magnitude, mean_curvature, mean_square = jnp.abs(curvature), state.mean_curvature, state.mean_square
        else:
            square = dot(u, u)
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


def greedy(base: optax.GradientTransformation, *, cap: float = math.inf, every: int = 1) -> optax.GradientTransformationExtraArgs:
    """The minimiser of the quadratic model along the step of `base`: `cdat` with sigma 1 and no averages."""
    return cdat(base, 1.0, 0.0, 0.0, cap, every=every)


def on_edge(base: optax.GradientTransformation, *, cap: float = math.inf, every: int = 1) -> optax.GradientTransformationExtraArgs:
    """The largest rate at which the quadratic model along the step of `base` does not exceed the loss: `cdat` with sigma 2 and no averages."""
    return cdat(base, 2.0, 0.0, 0.0, cap, every=every)


def _precision(params):
    """Scalars are in single precision at least."""
    return jnp.result_type(jnp.float32, *(leaf.dtype for leaf in map(jnp.asarray, jax.tree.leaves(params)) if jnp.issubdtype(leaf.dtype, jnp.floating)))


def _check(base, sigma, beta, eps, cap, every):
    if not (hasattr(base, "init") and hasattr(base, "update")):
        raise ArgumentError(f"base: expected a transformation of Optax, such as optax.scale_by_adam(), got {shown(base)}")
    traced = lambda value: isinstance(value, jax.Array)
    for name, value, holds, expected in (
        ("sigma", sigma, lambda x: x > 0, "a positive number"),
        ("beta", beta, lambda x: 0 <= x < 1, "a number in [0, 1)"),
        ("eps", eps, lambda x: x >= 0, "a number, 0 or more"),
        ("cap", cap, lambda x: x > 0, "a positive number"),
    ):
        if not traced(value) and not ((is_number(value) or (name == "cap" and value == math.inf)) and holds(value)):
            raise ArgumentError(f"{name}: expected {expected}, got {shown(value)}")
    if not is_whole(every) or every < 1:
        raise ArgumentError(f"every: expected a whole number, 1 or more, got {shown(every)}")
