"""Optax's own linesearches around a transformation, called as the other rules are."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ._line import check_base, check_number, check_whole, dot, expected, precision_of


class SearchState(NamedTuple):
    """What a linesearch knows after a step.

    Attributes:
        base: the state of the base transformation; search: that of Optax's linesearch.
        learning_rate: that of the last step.
        slope: `g . u` of the last step.
        non_descent: the steps whose slope was not negative; gave_up: those without a rate that decreases the loss enough. Both have rate 0.
    """

    base: Any
    search: Any
    learning_rate: jax.Array
    slope: jax.Array
    non_descent: jax.Array
    gave_up: jax.Array


def armijo(
    base: optax.GradientTransformation, c: float = 1e-4, c_plus: float = 4.0, c_minus: float = 0.8, delta: float = 0.0, *, max_tries: int = 30
) -> optax.GradientTransformationExtraArgs:
    """Armijo's backtracking linesearch, `optax.scale_by_backtracking_linesearch`, along the step of `base`.

    The first rate with `f(w + eta u) <= (1 + delta) f(w) + c eta g . u` among `min(c_plus eta_previous, 1)` and that times powers of `c_minus`. `eta_previous` is the last
    rate that was a step, 1 before the first one. Rate 0 where the step leads uphill, and where `max_tries` rates fail; Optax's own would take the last one that failed, and
    after a rate of 0 never leave it.

    `update` needs `params` and `value_fn`, and takes the loss there as `value` where you have it. Cost: one loss a try.

    Source: Armijo 1966; settings as in Roulet et al. 2024, arXiv 2407.06183.
    """
    base = check_base(base)
    check_number("c", c, lambda x: 0 <= x < 1, "a number in [0, 1)")
    check_number("c_plus", c_plus, lambda x: x >= 1, "a number, 1 or more")
    check_number("c_minus", c_minus, lambda x: 0 < x < 1, "a number in (0, 1)")
    check_number("delta", delta, lambda x: x >= 0, "a number, 0 or more")
    check_whole("max_tries", max_tries)
    search = optax.scale_by_backtracking_linesearch(
        max_backtracking_steps=max_tries - 1, slope_rtol=c, decrease_factor=c_minus, increase_factor=c_plus, max_learning_rate=1.0, rtol=delta
    )
    return _around(base, search)


def wolfe(
    base: optax.GradientTransformation, c1: float = 1e-4, c2: float = 0.9, *, cap: float | None = None, max_tries: int = 30
) -> optax.GradientTransformationExtraArgs:
    """A linesearch for the strong Wolfe conditions, `optax.scale_by_zoom_linesearch`, along the step of `base`.

    `f(w + eta u) <= f(w) + c1 eta g . u` and `|g(w + eta u) . u| <= c2 |g . u|`. A search that finds no such rate takes the best that decreases the loss, and is counted.
    Rate 0 where the step leads uphill.

    `update` is called as for `armijo`. Cost: a loss and a gradient a try.

    Source: Nocedal and Wright, Numerical Optimization, 2nd edition 2006, algorithms 3.5 and 3.6.
    """
    base = check_base(base)
    check_number("c1", c1, lambda x: 0 < x < 1, "a number in (0, 1)")
    check_number("c2", c2, lambda x: 0 < x < 1, "a number in (0, 1)")
    if cap is not None:
        check_number("cap", cap, lambda x: x > 0, "a positive number")
    check_whole("max_tries", max_tries)
    return _around(base, optax.scale_by_zoom_linesearch(max_linesearch_steps=max_tries, max_learning_rate=cap, slope_rtol=c1, curv_rtol=c2))


def _around(base, search):
    def init(params):
        zero, none = jnp.zeros((), precision_of(params)), jnp.zeros((), jnp.int32)
        return SearchState(base.init(params), search.init(params), zero, zero, none, none)

    def update(updates, state, params=None, *, value_fn=None, value=None, **extra):
        expected(params, value_fn)
        precision = state.slope.dtype
        uphill, base_state = base.update(updates, state.base, params, value_fn=value_fn, **extra)
        u = jax.tree.map(jnp.negative, uphill)
        slope = dot(updates, u, precision)
        value = value_fn(params) if value is None else value
        step, found = search.update(u, state.search, params, value=value, grad=updates, value_fn=value_fn)
        uphill = slope >= 0
        failed = ~uphill & ~(found.info.decrease_error <= 0)
        rate = jnp.where(uphill | failed, 0, found.learning_rate).astype(precision)
        # From a rate of 0 Optax's search would start, and stay, there.
        moved = rate > 0
        found = found._replace(learning_rate=jnp.where(moved, found.learning_rate, state.search.learning_rate))
        step = jax.tree.map(lambda x, like: jnp.where(moved, x, 0).astype(like.dtype), step, u)
        count = lambda before, now: before + now.astype(jnp.int32)
        return step, SearchState(base_state, found, rate, slope, count(state.non_descent, uphill), count(state.gave_up, failed))

    return optax.GradientTransformationExtraArgs(init, update)
