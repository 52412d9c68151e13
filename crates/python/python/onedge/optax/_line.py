"""What the rules have in common: dot products, and what is said of arguments."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import optax

from .._arguments import is_number, is_whole, shown
from .._errors import ArgumentError


def dot(a, b, precision):
    """The dot product of two trees, in this precision."""
    products = (jnp.sum(x.astype(precision) * y.astype(precision)) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b)))
    return sum(products, jnp.zeros((), precision))


def precision_of(params):
    """Scalars are in single precision at least."""
    return jnp.result_type(jnp.float32, *(kind for kind in map(jnp.result_type, jax.tree.leaves(params)) if jnp.issubdtype(kind, jnp.floating)))


def expected(params, value_fn):
    """Both arguments of `update` that Optax leaves out by default."""
    if params is None:
        raise ArgumentError("update: expected params, as the curvature is taken there; call update(gradient, state, params, value_fn=...)")
    if not callable(value_fn):
        raise ArgumentError(
            f"update: expected value_fn, the loss as a function of the parameters, got {shown(value_fn)}; call update(gradient, state, params, value_fn=f). "
            "flax's TrainState.apply_gradients drops it: call state.tx.update yourself, and state.replace(step=state.step + 1, params=..., opt_state=...)"
        )


def check_base(base):
    if not (hasattr(base, "init") and hasattr(base, "update")):
        raise ArgumentError(f"base: expected a transformation of Optax, such as optax.scale_by_adam(), got {shown(base)}")
    return optax.with_extra_args_support(base)


def check_number(name, value, holds, expected, infinite=False):
    """Arrays, as `optax.inject_hyperparams` makes them, are taken as they are."""
    if isinstance(value, jax.Array):
        return
    if not ((is_number(value) or (infinite and value == math.inf)) and holds(value)):
        raise ArgumentError(f"{name}: expected {expected}, got {shown(value)}")


def check_whole(name, value):
    if not is_whole(value) or value < 1:
        raise ArgumentError(f"{name}: expected a whole number, 1 or more, got {shown(value)}")
